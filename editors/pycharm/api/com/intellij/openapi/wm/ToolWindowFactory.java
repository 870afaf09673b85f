// From intellij-community platform/platform-api/src/com/intellij/openapi/wm/ToolWindowFactory.kt
package com.intellij.openapi.wm;

public interface ToolWindowFactory {
    void createToolWindowContent(com.intellij.openapi.project.Project project, ToolWindow toolWindow);
}
