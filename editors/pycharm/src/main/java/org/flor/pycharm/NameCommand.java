package org.flor.pycharm;

import com.intellij.openapi.actionSystem.ActionUpdateThread;
import com.intellij.openapi.actionSystem.AnActionEvent;
import com.redhat.devtools.lsp4ij.commands.LSPCommand;
import com.redhat.devtools.lsp4ij.commands.LSPCommandAction;
import org.flor.pycharm.core.Messages.Nameable;

/**
 * The command of the code action "Name this expression". LSP4IJ finds it by its id, and may call it within a write action: so
 * the dialog comes later.
 */
public final class NameCommand extends LSPCommandAction {
    @Override
    public ActionUpdateThread getActionUpdateThread() {
        return ActionUpdateThread.BGT;
    }

    @Override
    protected void commandPerformed(LSPCommand command, AnActionEvent event) {
        if (event.getProject() == null) {
            return;
        }
        Flor flor = Flor.of(event.getProject());
        flor.watch(NameDialog.ask(flor, command.getArgumentAt(0, Nameable.class)));
    }
}
