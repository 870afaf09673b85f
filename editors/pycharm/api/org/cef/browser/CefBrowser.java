// From JetBrains/jcef java/org/cef/browser/CefBrowser.java
package org.cef.browser;

public interface CefBrowser {
    void executeJavaScript(String code, String url, int line);

    String getURL();
}
