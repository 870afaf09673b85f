// From intellij-community platform/analysis-api/src/com/intellij/openapi/fileEditor/OpenFileDescriptor.java
package com.intellij.openapi.fileEditor;

import com.intellij.openapi.project.Project;
import com.intellij.openapi.vfs.VirtualFile;

public class OpenFileDescriptor {
    public OpenFileDescriptor(Project project, VirtualFile file, int offset) {}

    public native void navigate(boolean requestFocus);
}
