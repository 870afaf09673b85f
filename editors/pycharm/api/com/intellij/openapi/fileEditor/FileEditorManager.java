// From intellij-community platform/analysis-api/src/com/intellij/openapi/fileEditor/FileEditorManager.java
package com.intellij.openapi.fileEditor;

import com.intellij.openapi.project.Project;
import com.intellij.openapi.vfs.VirtualFile;

public abstract class FileEditorManager {
    public static native FileEditorManager getInstance(Project project);

    public abstract FileEditor[] openFile(VirtualFile file, boolean focusEditor);

    public abstract boolean isFileOpen(VirtualFile file);

    public abstract VirtualFile[] getSelectedFiles();
}
