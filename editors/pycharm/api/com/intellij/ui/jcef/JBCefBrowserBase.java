// From intellij-community platform/ui.jcef/jcef/JBCefBrowserBase.java
package com.intellij.ui.jcef;

public abstract class JBCefBrowserBase implements com.intellij.openapi.Disposable {
    public native void loadHTML(String html);

    public native void loadURL(String url);

    public native org.cef.browser.CefBrowser getCefBrowser();

    public native javax.swing.JComponent getComponent();

    @Override
    public native void dispose();
}
