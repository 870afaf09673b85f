// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/server/StreamConnectionProvider.java
package com.redhat.devtools.lsp4ij.server;

import com.intellij.openapi.vfs.VirtualFile;

public interface StreamConnectionProvider {
    void start() throws CannotStartProcessException;

    default Object getInitializationOptions(VirtualFile root) {
        throw new UnsupportedOperationException();
    }
}
