package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import java.util.concurrent.CompletableFuture;

/** Runs the script that the user has before them, or the source of the shadow copy. */
public final class RunAction extends FlorAction {
    public RunAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        return Scripts.of(flor, uri(event)).thenCompose(script -> Scripts.run(flor, script));
    }
}
