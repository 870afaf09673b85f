// From intellij-community platform/ide-core/src/com/intellij/notification/Notification.java
package com.intellij.notification;

import com.intellij.openapi.actionSystem.AnAction;
import com.intellij.openapi.project.Project;

public class Notification {
    public native Notification addAction(AnAction action);

    public native void notify(Project project);
}
