// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/commands/LSPCommandAction.java
package com.redhat.devtools.lsp4ij.commands;

import com.intellij.openapi.actionSystem.AnAction;
import com.intellij.openapi.actionSystem.AnActionEvent;

public abstract class LSPCommandAction extends AnAction {
    @Override
    public final native void actionPerformed(AnActionEvent event);

    protected abstract void commandPerformed(LSPCommand command, AnActionEvent event);
}
