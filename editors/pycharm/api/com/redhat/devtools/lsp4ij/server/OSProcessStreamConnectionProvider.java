// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/server/OSProcessStreamConnectionProvider.java
package com.redhat.devtools.lsp4ij.server;

import com.intellij.execution.configurations.GeneralCommandLine;

public class OSProcessStreamConnectionProvider implements StreamConnectionProvider {
    public native void setCommandLine(GeneralCommandLine commandLine);

    @Override
    public native void start() throws CannotStartProcessException;
}
