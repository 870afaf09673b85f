package org.flor.pycharm;

import com.intellij.execution.configurations.GeneralCommandLine;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.vfs.VirtualFile;
import com.redhat.devtools.lsp4ij.server.CannotStartProcessException;
import com.redhat.devtools.lsp4ij.server.OSProcessStreamConnectionProvider;
import java.nio.charset.StandardCharsets;
import org.flor.pycharm.core.Commands;
import org.flor.pycharm.core.Options;
import org.flor.pycharm.core.Words;

/** The server's process. LSP4IJ makes one for each start, asks for the options first, and then starts it. */
final class ServerProcess extends OSProcessStreamConnectionProvider {
    private final Project project;
    private final Options options;
    private String python = ""; // empty: it was not looked for, or there is none
    private String reason = "";

    ServerProcess(Project project) {
        this.project = project;
        options = FlorSettings.of(project).options();
    }

    @Override
    public Object getInitializationOptions(VirtualFile root) {
        look();
        return options.initialization(python);
    }

    @Override
    public void start() throws CannotStartProcessException {
        look();
        if (python.isEmpty()) {
            throw new CannotStartProcessException(reason);
        }
        setCommandLine(new GeneralCommandLine(Commands.server(python, Words.split(options.arguments())))
                .withWorkDirectory(project.getBasePath())
                .withEnvironment(Commands.environment(options.home()))
                .withCharset(StandardCharsets.UTF_8));
        super.start();
    }

    private void look() {
        if (!python.isEmpty() || !reason.isEmpty()) {
            return;
        }
        try {
            python = Flor.of(project).interpreter().found();
        } catch (IllegalStateException absent) {
            reason = absent.getMessage();
        }
    }
}
