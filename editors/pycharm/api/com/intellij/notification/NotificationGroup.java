// From intellij-community platform/ide-core/src/com/intellij/notification/NotificationGroup.kt
package com.intellij.notification;

public final class NotificationGroup {
    public native Notification createNotification(String content, NotificationType type);
}
