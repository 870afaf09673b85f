package org.flor.pycharm;

import com.google.gson.JsonObject;
import com.intellij.openapi.fileEditor.FileDocumentManager;
import com.intellij.openapi.project.Project;
import com.redhat.devtools.lsp4ij.ServerStatus;
import com.redhat.devtools.lsp4ij.client.LanguageClientImpl;
import java.util.concurrent.CompletableFuture;
import org.eclipse.lsp4j.jsonrpc.services.JsonNotification;
import org.eclipse.lsp4j.jsonrpc.services.JsonRequest;
import org.flor.pycharm.core.Messages.JobChanged;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Messages.OfExperiment;
import org.flor.pycharm.core.Messages.Run;

/** What the server tells and asks. It does so in a thread of its own, which nothing here may hold up. */
public final class ServerClient extends LanguageClientImpl {
    private final Flor flor;

    ServerClient(Project project) {
        super(project);
        flor = Flor.of(project);
    }

    @Override
    protected Object createSettings() {
        return FlorSettings.of(getProject()).options().settings(flor.interpreter().last());
    }

    @Override
    public void handleServerStatusChanged(ServerStatus status) {
        flor.statusChanged(this, status == ServerStatus.started);
    }

    @JsonNotification("flor/jobsChanged")
    public void jobsChanged(JobChanged params) {
        flor.jobChanged(params.job);
    }

    @JsonNotification("flor/showTable")
    public void showTable(OfExperiment params) {
        flor.showPanel(params.experiment);
    }

    /** The side panel's page has it from the server itself. */
    @JsonNotification("flor/tableChanged")
    public void tableChanged(JsonObject params) {}

    /** The side panel's page has it from the server itself. */
    @JsonNotification("flor/experimentsChanged")
    public void experimentsChanged(JsonObject params) {}

    /** Before a script is run, whoever asked for it: what is open is saved, and what is remembered of the script answered. */
    @JsonRequest("flor/prepareRun")
    public CompletableFuture<Run> prepareRun(OfDocument params) {
        return flor.onEdt(() -> {
            FileDocumentManager.getInstance().saveAllDocuments();
            return FlorSettings.of(getProject()).remembered(params.uri);
        });
    }
}
