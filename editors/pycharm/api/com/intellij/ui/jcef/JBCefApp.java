// From intellij-community platform/ui.jcef/jcef/JBCefApp.java
package com.intellij.ui.jcef;

public final class JBCefApp {
    public static native boolean isSupported();
}
