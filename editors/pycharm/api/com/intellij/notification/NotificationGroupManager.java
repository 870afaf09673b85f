// From intellij-community platform/ide-core/src/com/intellij/notification/NotificationGroupManager.java
package com.intellij.notification;

public interface NotificationGroupManager {
    static NotificationGroupManager getInstance() {
        throw new UnsupportedOperationException();
    }

    NotificationGroup getNotificationGroup(String groupId);
}
