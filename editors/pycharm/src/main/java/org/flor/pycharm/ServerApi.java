package org.flor.pycharm;

import java.util.concurrent.CompletableFuture;
import org.eclipse.lsp4j.jsonrpc.services.JsonRequest;
import org.eclipse.lsp4j.services.LanguageServer;
import org.flor.pycharm.core.Messages.Address;
import org.flor.pycharm.core.Messages.Experiments;
import org.flor.pycharm.core.Messages.Export;
import org.flor.pycharm.core.Messages.Exported;
import org.flor.pycharm.core.Messages.Nameables;
import org.flor.pycharm.core.Messages.Names;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Messages.OfExperiment;
import org.flor.pycharm.core.Messages.Panel;
import org.flor.pycharm.core.Messages.Selection;
import org.flor.pycharm.core.Messages.Table;

/** Flor's own requests; docs/protocol.md describes them. */
public interface ServerApi extends LanguageServer {
    @JsonRequest("flor/nameable")
    CompletableFuture<Nameables> nameable(Selection params);

    @JsonRequest("flor/names")
    CompletableFuture<Names> names(OfDocument params);

    @JsonRequest("flor/experiments")
    CompletableFuture<Experiments> experiments(OfDocument params);

    @JsonRequest("flor/panel")
    CompletableFuture<Address> panel(Panel params);

    @JsonRequest("flor/table")
    CompletableFuture<Table> table(OfExperiment params);

    @JsonRequest("flor/export")
    CompletableFuture<Exported> export(Export params);

    @JsonRequest("flor/closeTable")
    CompletableFuture<Object> closeTable(Table params);
}
