// From intellij-community platform/ide-core/src/com/intellij/ui/content/ContentFactory.java
package com.intellij.ui.content;

public interface ContentFactory {
    static ContentFactory getInstance() {
        throw new UnsupportedOperationException();
    }

    Content createContent(javax.swing.JComponent component, String displayName, boolean isLockable);
}
