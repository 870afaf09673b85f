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

/** The server's process. What it is started with is looked up at each start: it may have changed. */
final class ServerProcess extends OSProcessStreamConnectionProvider {
    private final Project project;
    private String python = "";

    ServerProcess(Project project) {
        this.project = project;
    }

    @Override
    public void start() throws CannotStartProcessException {
        Options options = FlorSettings.of(project).options();
        try {
            python = Flor.of(project).interpreter().found();
            setCommandLine(new GeneralCommandLine(Commands.server(python, Words.split(options.arguments())))
                    .withWorkDirectory(project.getBasePath())
                    .withEnvironment(Commands.environment(options.home()))
                    .withCharset(StandardCharsets.UTF_8));
        } catch (IllegalStateException | IllegalArgumentException absent) {
            throw new CannotStartProcessException(absent.getMessage());
        }
        super.start();
    }

    @Override
    public Object getInitializationOptions(VirtualFile root) {
        return FlorSettings.of(project).options().initialization(python);
    }
}
