package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;

/** Shows the server's log, and what scripts print: LSP4IJ keeps both. */
public final class LogAction extends FlorAction {
    public LogAction() {
        super(false);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        flor.showLog();
        return CompletableFuture.completedFuture(null);
    }
}
