// From intellij-community platform/ide-core/src/com/intellij/openapi/wm/ToolWindow.java
package com.intellij.openapi.wm;

public interface ToolWindow {
    com.intellij.ui.content.ContentManager getContentManager();

    void activate(Runnable runnable, boolean autoFocusContents);

    com.intellij.openapi.Disposable getDisposable();
}
