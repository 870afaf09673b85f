// From intellij-community platform/ide-core/src/com/intellij/notification/NotificationType.java
package com.intellij.notification;

public enum NotificationType {
    IDE_UPDATE,
    INFORMATION,
    WARNING,
    ERROR
}
