// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/client/features/LSPClientFeatures.java
package com.redhat.devtools.lsp4ij.client.features;

public class LSPClientFeatures {
    public native boolean keepServerAlive();
}
