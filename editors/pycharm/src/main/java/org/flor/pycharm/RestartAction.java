package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;

/** Starts the server anew. */
public final class RestartAction extends FlorAction {
    public RestartAction() {
        super(false);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        flor.restart();
        return CompletableFuture.completedFuture(null);
    }
}
