// From intellij-community platform/platform-api/src/com/intellij/openapi/ui/popup/JBPopupFactory.java
package com.intellij.openapi.ui.popup;

public abstract class JBPopupFactory {
    public static native JBPopupFactory getInstance();

    public abstract <T> IPopupChooserBuilder<T> createPopupChooserBuilder(java.util.List<? extends T> list);
}
