package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Messages.OfExperiment;

/** Makes the table of the file anew, and shows it. */
public final class RefreshAction extends FlorAction {
    public RefreshAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        return flor.command("flor.etl", new OfDocument(uri(event)), OfExperiment.class)
                .thenAccept(made -> flor.showPanel(made.experiment));
    }
}
