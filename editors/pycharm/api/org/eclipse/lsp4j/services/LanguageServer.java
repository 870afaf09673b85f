// From eclipse-lsp4j/lsp4j org.eclipse.lsp4j/src/main/java/org/eclipse/lsp4j/services/LanguageServer.java
package org.eclipse.lsp4j.services;

public interface LanguageServer {
    WorkspaceService getWorkspaceService();
}
