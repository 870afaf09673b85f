// From intellij-community platform/editor-ui-api/src/com/intellij/openapi/actionSystem/AnAction.java; the jar's own lacks getActionUpdateThread
package com.intellij.openapi.actionSystem;

public abstract class AnAction {
    public abstract void actionPerformed(AnActionEvent event);

    public native void update(AnActionEvent event);

    public native ActionUpdateThread getActionUpdateThread();
}
