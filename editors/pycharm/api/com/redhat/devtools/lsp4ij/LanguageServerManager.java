// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/LanguageServerManager.java
package com.redhat.devtools.lsp4ij;

import com.intellij.openapi.project.Project;
import java.util.concurrent.CompletableFuture;

public class LanguageServerManager {
    public static native LanguageServerManager getInstance(Project project);

    public native CompletableFuture<LanguageServerItem> getLanguageServer(String languageServerId);

    public native void start(String languageServerId, StartOptions options);

    public static class StartOptions {
        public native StartOptions setForceStart(boolean forceStart);

        public native StartOptions setForceRestart(boolean forceRestart);
    }
}
