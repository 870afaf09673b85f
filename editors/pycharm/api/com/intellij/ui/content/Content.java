// From intellij-community platform/ide-core/src/com/intellij/ui/content/Content.java
package com.intellij.ui.content;

public interface Content {
    void setDisposer(com.intellij.openapi.Disposable disposer);
}
