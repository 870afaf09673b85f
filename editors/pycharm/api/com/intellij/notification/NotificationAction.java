// From intellij-community platform/ide-core/src/com/intellij/notification/NotificationAction.java
package com.intellij.notification;

import com.intellij.openapi.actionSystem.AnAction;

public abstract class NotificationAction extends AnAction {
    public static native NotificationAction createSimpleExpiring(String text, Runnable action);
}
