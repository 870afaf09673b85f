package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.Experiments;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Naming;
import org.flor.pycharm.core.Uris;

/** Asks for an experiment and arguments, remembers them, and runs. */
public final class RunWithAction extends FlorAction {
    public RunWithAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        return Scripts.of(flor, uri(event)).thenCompose(script -> flor.ask(server ->
                        server.experiments(new OfDocument(script)))
                .thenCompose(found -> flor.onEdt(() -> ask(flor, script, found))));
    }

    private static void ask(Flor flor, String script, Experiments found) {
        FlorSettings settings = FlorSettings.of(flor.project());
        Path file = Uris.path(script).getFileName();
        String title = "Run " + file + " with Flor";
        String known = settings.experimentOf(script);
        if (known.isEmpty()) {
            String plain = file.toString().replaceFirst("\\.py$", "");
            known = found.experiments.isEmpty() ? plain : found.experiments.get(0).name;
        }
        String experiment = Dialogs.line(
                flor.project(), title, "Experiment: the name under which its runs are kept", known, Naming::experimentProblem);
        if (experiment == null) {
            return;
        }
        String arguments = Dialogs.line(
                flor.project(),
                title,
                "Arguments, as in a terminal; they are remembered for this file",
                settings.argumentsOf(script),
                Naming::argumentsProblem);
        if (arguments == null) {
            return;
        }
        settings.remember(script, experiment, arguments);
        flor.watch(Scripts.run(flor, script));
    }
}
