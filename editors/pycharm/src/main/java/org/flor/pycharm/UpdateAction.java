package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Messages.Updated;
import org.flor.pycharm.core.Uris;

/** Carries the names over to the source as it is now. */
public final class UpdateAction extends FlorAction {
    public UpdateAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        return NameChange.names(flor, uri(event)).thenCompose(all -> flor.edit(
                        "flor.updateShadow",
                        new OfDocument(all.shadow),
                        Updated.class,
                        all.shadow,
                        done -> Uris.path(all.shadow))
                .thenAccept(done -> {
                    if (!done.inexact.isEmpty()) { // of what is lost the server tells
                        Notifications.warning(flor.project(), String.join("\n", done.inexact));
                    }
                }));
    }
}
