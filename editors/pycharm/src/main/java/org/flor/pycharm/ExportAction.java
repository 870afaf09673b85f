package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.Experiments;
import org.flor.pycharm.core.Messages.Export;
import org.flor.pycharm.core.Messages.Exported;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Messages.OfExperiment;
import org.flor.pycharm.core.Uris;

/** Writes the table of the file into a file that the user names. */
public final class ExportAction extends FlorAction {
    public ExportAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        Path folder = Uris.path(uri(event)).getParent();
        return flor.ask(server -> server.experiments(new OfDocument(uri(event))))
                .thenCompose(found -> flor.onEdt(() -> ask(flor, folder, found)));
    }

    private static void ask(Flor flor, Path folder, Experiments found) {
        if (found.experiments.isEmpty()) {
            throw new IllegalStateException("No run has captured this file yet: run it with Flor.");
        }
        String experiment = found.experiments.get(0).name;
        String message = "A .csv, .xlsx, .parquet or .json file:";
        String suggested = folder.resolve(experiment + ".csv").toString();
        String path = Dialogs.line(flor.project(), "Export the Table of " + experiment, message, suggested, own ->
                own.isBlank() ? Optional.of("A file needs a name.") : Optional.empty());
        if (path != null) {
            flor.watch(write(flor, experiment, folder.resolve(path).toString()).thenAccept(done -> {
                String written = String.format("%,d rows are written to %s. ", done.rows, done.path);
                Notifications.done(flor.project(), (written + String.join(" ", done.remarks)).strip());
            }));
        }
    }

    private static CompletableFuture<Exported> write(Flor flor, String experiment, String path) {
        return flor.ask(server -> server.table(OfExperiment.of(experiment)).thenCompose(table -> server
                .export(new Export(table.handle, path))
                .whenComplete((done, error) -> server.closeTable(table))));
    }
}
