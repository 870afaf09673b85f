// From intellij-community platform/analysis-api/src/com/intellij/openapi/fileEditor/FileEditorManagerEvent.java
package com.intellij.openapi.fileEditor;

import com.intellij.openapi.vfs.VirtualFile;

public class FileEditorManagerEvent {
    public native VirtualFile getNewFile();
}
