// From intellij-community platform/platform-api/src/com/intellij/openapi/ui/popup/IPopupChooserBuilder.java
package com.intellij.openapi.ui.popup;

import com.intellij.util.Consumer;

public interface IPopupChooserBuilder<T> {
    IPopupChooserBuilder<T> setTitle(String title);

    IPopupChooserBuilder<T> setItemChosenCallback(Consumer<? super T> callback);

    JBPopup createPopup();
}
