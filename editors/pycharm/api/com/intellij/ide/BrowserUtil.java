// From intellij-community platform/platform-api/src/com/intellij/ide/BrowserUtil.java
package com.intellij.ide;

public final class BrowserUtil {
    public static native void browse(String url);
}
