// From intellij-community platform/analysis-api/src/com/intellij/openapi/fileEditor/FileEditorManagerListener.java
package com.intellij.openapi.fileEditor;

import com.intellij.util.messages.Topic;

public interface FileEditorManagerListener extends java.util.EventListener {
    Topic<FileEditorManagerListener> FILE_EDITOR_MANAGER = new Topic<>("", FileEditorManagerListener.class);

    default void selectionChanged(FileEditorManagerEvent event) {}
}
