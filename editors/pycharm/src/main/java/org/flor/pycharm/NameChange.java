package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.Name;
import org.flor.pycharm.core.Messages.Names;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Words;

/** What is done with one of the names of the file, which the user chooses. */
abstract class NameChange extends FlorAction {
    private static final int LINE = 60;

    private final String title;

    NameChange(String title) {
        super(true);
        this.title = title;
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        return names(flor, uri(event)).thenCompose(all -> flor.onEdt(() ->
                Dialogs.choose(flor.project(), title, all.names, NameChange::line, own ->
                        flor.watch(change(flor, all, own)))));
    }

    /** The names that a file has. Fails if it has none. */
    static CompletableFuture<Names> names(Flor flor, String uri) {
        return flor.ask(server -> server.names(new OfDocument(uri))).thenApply(all -> {
            if (all.shadow == null || all.names.isEmpty()) {
                throw new IllegalStateException("Nothing is named in this file yet: name an expression.");
            }
            return all;
        });
    }

    private static String line(Name own) {
        return own.name + "  " + Words.onOneLine(own.text, LINE);
    }

    abstract CompletableFuture<?> change(Flor flor, Names all, Name own);
}
