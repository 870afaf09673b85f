package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;

/** Shows the side panel. */
public final class OpenTableAction extends FlorAction {
    public OpenTableAction() {
        super(false);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        flor.showPanel(null);
        return CompletableFuture.completedFuture(null);
    }
}
