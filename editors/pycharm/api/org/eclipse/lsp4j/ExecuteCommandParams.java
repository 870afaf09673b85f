// From eclipse-lsp4j/lsp4j org.eclipse.lsp4j, generated from Protocol.xtend
package org.eclipse.lsp4j;

public class ExecuteCommandParams {
    public ExecuteCommandParams(String command, java.util.List<Object> arguments) {}
}
