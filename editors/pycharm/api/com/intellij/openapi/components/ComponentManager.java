// From intellij-community platform/extensions/src/com/intellij/openapi/components/ComponentManager.java; the jar's own lacks getService
package com.intellij.openapi.components;

import com.intellij.util.messages.MessageBus;

public interface ComponentManager extends com.intellij.openapi.util.UserDataHolder, com.intellij.openapi.Disposable {
    <T> T getService(Class<T> service);

    MessageBus getMessageBus();

    boolean isDisposed();
}
