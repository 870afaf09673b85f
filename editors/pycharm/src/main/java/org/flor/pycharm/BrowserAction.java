package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;

/** Opens the side panel in the user's browser. */
public final class BrowserAction extends FlorAction {
    public BrowserAction() {
        super(false);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        PanelWindow.openInBrowser(flor);
        return CompletableFuture.completedFuture(null);
    }
}
