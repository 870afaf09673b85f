package org.flor.pycharm;

import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Messages.OfExperiment;
import org.flor.pycharm.core.Messages.Run;

/** Running scripts. The server has the client save what is open, and asks what is remembered of the script. */
final class Scripts {
    private Scripts() {}

    /** The script that is meant: the file, or the source of the shadow copy that it is. */
    static CompletableFuture<String> of(Flor flor, String uri) {
        return flor.ask(server -> server.names(new OfDocument(uri)))
                .thenApply(names -> names.source == null ? uri : names.source);
    }

    static CompletableFuture<?> run(Flor flor, String script) {
        flor.showPanel(null); // where it can be watched
        return flor.command("flor.run", Run.of(script, null, null), OfExperiment.class)
                .thenAccept(ended -> flor.showPanel(ended.experiment));
    }
}
