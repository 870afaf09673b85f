// From eclipse-lsp4j/lsp4j org.eclipse.lsp4j/src/main/java/org/eclipse/lsp4j/services/WorkspaceService.java
package org.eclipse.lsp4j.services;

public interface WorkspaceService {
    default java.util.concurrent.CompletableFuture<Object> executeCommand(org.eclipse.lsp4j.ExecuteCommandParams params) {
        throw new UnsupportedOperationException();
    }
}
