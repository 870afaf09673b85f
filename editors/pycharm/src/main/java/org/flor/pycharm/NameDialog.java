package org.flor.pycharm;

import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.Nameable;
import org.flor.pycharm.core.Messages.Named;
import org.flor.pycharm.core.Messages.Names;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Naming;
import org.flor.pycharm.core.Uris;
import org.flor.pycharm.core.Words;

/** Asks for a name, with one that suits, and has the expression named. */
final class NameDialog {
    private static final int LINE = 80;

    private NameDialog() {}

    static CompletableFuture<?> ask(Flor flor, Nameable expression) {
        return flor.ask(server -> server.names(new OfDocument(expression.uri)))
                .thenCompose(there -> flor.onEdt(() -> show(flor, expression, there)));
    }

    private static void show(Flor flor, Nameable expression, Names there) {
        String text = expression.text == null ? "" : Words.onOneLine(expression.text, LINE);
        String chosen = Dialogs.line(flor.project(), "Name This Expression", text, expression.name, name ->
                Naming.problem(name, there.taken()));
        if (chosen != null) {
            Nameable asked = expression.as(chosen);
            flor.watch(flor.edit("flor.nameExpression", asked, Named.class, there.shadow, named ->
                    Uris.path(named.shadow)));
        }
    }
}
