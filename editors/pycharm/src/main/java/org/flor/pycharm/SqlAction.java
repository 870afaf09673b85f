package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;

/** Shows where SQL is asked. */
public final class SqlAction extends FlorAction {
    public SqlAction() {
        super(false);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        flor.showView("SQL");
        return CompletableFuture.completedFuture(null);
    }
}
