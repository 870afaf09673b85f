// From redhat-developer/lsp4ij src/main/java/com/redhat/devtools/lsp4ij/server/CannotStartProcessException.java
package com.redhat.devtools.lsp4ij.server;

public class CannotStartProcessException extends Exception {
    public CannotStartProcessException(String message) {
        super(message);
    }
}
