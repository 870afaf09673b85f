// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/LanguageServerItem.java
package com.redhat.devtools.lsp4ij;

import java.util.concurrent.CompletableFuture;
import org.eclipse.lsp4j.services.LanguageServer;

public class LanguageServerItem {
    public native CompletableFuture<LanguageServer> getInitializedServer();
}
