// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/client/LanguageClientImpl.java
package com.redhat.devtools.lsp4ij.client;

import com.intellij.openapi.project.Project;
import com.redhat.devtools.lsp4ij.ServerStatus;

public class LanguageClientImpl {
    public LanguageClientImpl(Project project) {}

    public native Project getProject();

    protected native Object createSettings();

    public native void triggerChangeConfiguration();

    public native void handleServerStatusChanged(ServerStatus serverStatus);
}
