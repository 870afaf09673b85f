package org.flor.pycharm;

import com.intellij.openapi.project.Project;
import com.redhat.devtools.lsp4ij.LanguageServerFactory;
import com.redhat.devtools.lsp4ij.client.LanguageClientImpl;
import com.redhat.devtools.lsp4ij.client.features.LSPClientFeatures;
import com.redhat.devtools.lsp4ij.server.StreamConnectionProvider;
import org.eclipse.lsp4j.services.LanguageServer;

/** What LSP4IJ makes of Flor's server. */
public final class ServerFactory implements LanguageServerFactory {
    @Override
    public StreamConnectionProvider createConnectionProvider(Project project) {
        return new ServerProcess(project);
    }

    @Override
    public LanguageClientImpl createLanguageClient(Project project) {
        return new ServerClient(project);
    }

    @Override
    public Class<? extends LanguageServer> getServerInterface() {
        return ServerApi.class;
    }

    @Override
    public LSPClientFeatures createClientFeatures() {
        return new LSPClientFeatures() {
            /** Runs go on, and the side panel is served, when no editor is open. */
            @Override
            public boolean keepServerAlive() {
                return true;
            }
        };
    }
}
