// From intellij-community platform/platform-api/src/com/intellij/openapi/wm/ToolWindowManager.kt
package com.intellij.openapi.wm;

import com.intellij.openapi.project.Project;

public abstract class ToolWindowManager {
    public static native ToolWindowManager getInstance(Project project);

    public abstract ToolWindow getToolWindow(String id);
}
