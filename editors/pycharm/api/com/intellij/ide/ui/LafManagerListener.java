// From intellij-community platform/platform-api/src/com/intellij/ide/ui/LafManagerListener.java
package com.intellij.ide.ui;

import com.intellij.util.messages.Topic;

public interface LafManagerListener extends java.util.EventListener {
    Topic<LafManagerListener> TOPIC = new Topic<>("", LafManagerListener.class);

    void lookAndFeelChanged(LafManager source);
}
