// From intellij-community platform/platform-api/src/com/intellij/openapi/options/ShowSettingsUtil.java
package com.intellij.openapi.options;

import com.intellij.openapi.project.Project;

public abstract class ShowSettingsUtil {
    public static native ShowSettingsUtil getInstance();

    public abstract <T extends Configurable> void showSettingsDialog(Project project, Class<T> toSelect);
}
