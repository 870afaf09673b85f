// From intellij-community platform/ui.jcef/jcef/JBCefBrowser.java
package com.intellij.ui.jcef;

public class JBCefBrowser extends JBCefBrowserBase {}
