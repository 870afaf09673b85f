// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/commands/LSPCommand.java
package com.redhat.devtools.lsp4ij.commands;

public class LSPCommand extends org.eclipse.lsp4j.Command {
    public native <T> T getArgumentAt(int index, Class<T> type);
}
