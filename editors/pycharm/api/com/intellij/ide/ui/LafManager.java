// From intellij-community platform/platform-api/src/com/intellij/ide/ui/LafManager.java
package com.intellij.ide.ui;

public abstract class LafManager {}
