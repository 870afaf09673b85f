package org.flor.pycharm;

import com.intellij.openapi.progress.ProgressIndicator;
import com.intellij.openapi.progress.Task;
import com.intellij.openapi.project.Project;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.flor.pycharm.core.Commands;
import org.flor.pycharm.core.Ended;
import org.flor.pycharm.core.Words;

/** Installs the server into an interpreter, if the user wants it. */
final class Installer {
    private static final long SECONDS = 1800;

    private final Project project;
    private final Flor flor;

    Installer(Project project, Flor flor) {
        this.project = project;
        this.flor = flor;
    }

    void offer(String python, String absence) {
        List<String> command = Commands.install(python);
        String question = absence + " Install it? This runs: " + Words.asTyped(command);
        Task task = new Task.Backgroundable(project, "Installing Flor", false) {
            @Override
            public void run(ProgressIndicator indicator) {
                install(command);
            }
        };
        Notifications.withAction(project, question, "Install", task::queue);
    }

    private void install(List<String> command) {
        String typed = Words.asTyped(command);
        try {
            Ended ended = Ended.run(command, Map.of(), SECONDS);
            if (ended.code() == 0) {
                flor.restart();
            } else {
                String why = typed + " ended with exit code " + ended.code() + ": " + ended.lastLine();
                Notifications.failed(project, "Flor was not installed: " + why);
            }
        } catch (IOException error) {
            Notifications.failed(project, "Flor was not installed: " + error.getMessage());
        }
    }
}
