// From intellij-community platform/platform-api/src/com/intellij/openapi/ui/Messages.java
package com.intellij.openapi.ui;

import com.intellij.openapi.project.Project;

public class Messages {
    public static native String showInputDialog(
            Project project, String message, String title, javax.swing.Icon icon, String initial, InputValidator validator);
}
