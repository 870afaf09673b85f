package org.flor.pycharm;

import com.intellij.openapi.actionSystem.ActionUpdateThread;
import com.intellij.openapi.actionSystem.AnAction;
import com.intellij.openapi.actionSystem.AnActionEvent;
import com.intellij.openapi.actionSystem.CommonDataKeys;
import com.intellij.openapi.project.DumbAware;
import com.intellij.openapi.vfs.VirtualFile;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Uris;

/** Something that the user can do, by menu or key. What goes wrong with it they are told. */
abstract class FlorAction extends AnAction implements DumbAware {
    private final boolean needsFile;

    /** {@code needsFile}: it is about the Python file that the user has before them. */
    FlorAction(boolean needsFile) {
        this.needsFile = needsFile;
    }

    @Override
    public ActionUpdateThread getActionUpdateThread() {
        return ActionUpdateThread.BGT;
    }

    @Override
    public void update(AnActionEvent event) {
        boolean isPossible = event.getProject() != null && (!needsFile || PythonFile.is(file(event)));
        event.getPresentation().setEnabled(isPossible);
        event.getPresentation().setVisible(isPossible || !event.isFromContextMenu());
    }

    @Override
    public void actionPerformed(AnActionEvent event) {
        if (event.getProject() == null || (needsFile && !PythonFile.is(file(event)))) {
            return;
        }
        Flor flor = Flor.of(event.getProject());
        flor.watch(CompletableFuture.completedFuture(event).thenCompose(own -> perform(flor, own)));
    }

    /** Do it. What it throws, or its future fails with, is a sentence for the user. */
    abstract CompletableFuture<?> perform(Flor flor, AnActionEvent event);

    static VirtualFile file(AnActionEvent event) {
        return event.getData(CommonDataKeys.VIRTUAL_FILE);
    }

    static String uri(AnActionEvent event) {
        return Uris.of(file(event).getPath());
    }
}
