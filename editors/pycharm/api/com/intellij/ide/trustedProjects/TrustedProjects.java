// From intellij-community platform/platform-impl/src/com/intellij/ide/trustedProjects/TrustedProjects.kt
package com.intellij.ide.trustedProjects;

import com.intellij.openapi.project.Project;

public final class TrustedProjects {
    public static native boolean isProjectTrusted(Project project);
}
