package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import com.intellij.openapi.actionSystem.CommonDataKeys;
import com.intellij.openapi.application.ReadAction;
import com.intellij.openapi.editor.Editor;
import com.intellij.openapi.fileEditor.OpenFileDescriptor;
import com.intellij.openapi.vfs.VirtualFile;
import com.intellij.psi.PsiElement;
import com.intellij.psi.PsiFile;
import com.intellij.psi.PsiReference;
import java.util.concurrent.CompletableFuture;

/** Goes to the source of what is called at the caret, a library's too: expressions there can be named as anywhere. */
public final class GoToSourceAction extends FlorAction {
    public GoToSourceAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        Editor editor = event.getData(CommonDataKeys.EDITOR);
        PsiFile file = event.getData(CommonDataKeys.PSI_FILE);
        if (editor == null || file == null) {
            throw new IllegalStateException("there is no editor here");
        }
        int offset = editor.getCaretModel().getOffset();
        return CompletableFuture.supplyAsync(() -> ReadAction.compute(() -> source(flor, file, offset)))
                .thenCompose(found -> flor.onEdt(() -> found.navigate(true)));
    }

    private static OpenFileDescriptor source(Flor flor, PsiFile file, int offset) {
        PsiReference reference = file.findReferenceAt(offset);
        PsiElement meant = reference == null ? null : reference.resolve();
        PsiElement source = meant == null ? null : meant.getNavigationElement();
        PsiFile container = source == null ? null : source.getContainingFile();
        VirtualFile target = container == null ? null : container.getVirtualFile();
        if (!PythonFile.is(target) || "pyi".equals(target.getExtension())) {
            throw new IllegalStateException("There is no Python source of what is at the caret.");
        }
        return new OpenFileDescriptor(flor.project(), target, source.getTextOffset());
    }
}
