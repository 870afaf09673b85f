package org.flor.pycharm;

import com.intellij.notification.Notification;
import com.intellij.notification.NotificationAction;
import com.intellij.notification.NotificationGroupManager;
import com.intellij.notification.NotificationType;
import com.intellij.openapi.options.ShowSettingsUtil;
import com.intellij.openapi.project.Project;

/** Sentences for the user, each with the way out where there is one. */
final class Notifications {
    private static final String GROUP = "Flor";

    private Notifications() {}

    static void done(Project project, String text) {
        of(text, NotificationType.INFORMATION).notify(project);
    }

    static void failed(Project project, String text) {
        Notification own = of(text, NotificationType.ERROR);
        if (text.endsWith("in the log")) {
            own.addAction(NotificationAction.createSimpleExpiring("Show Log", () -> Flor.of(project).showLog()));
        }
        own.notify(project);
    }

    static void warning(Project project, String text) {
        of(text, NotificationType.WARNING).notify(project);
    }

    static void withAction(Project project, String text, String action, Runnable act) {
        of(text, NotificationType.WARNING).addAction(NotificationAction.createSimpleExpiring(action, act)).notify(project);
    }

    static void withSettings(Project project, String text) {
        withAction(project, text, "Open Settings", () ->
                ShowSettingsUtil.getInstance().showSettingsDialog(project, FlorConfigurable.class));
    }

    private static Notification of(String text, NotificationType type) {
        String escaped = text.replace("&", "&amp;").replace("<", "&lt;"); // a notification takes HTML
        return NotificationGroupManager.getInstance().getNotificationGroup(GROUP).createNotification(escaped, type);
    }
}
