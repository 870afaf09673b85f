// From intellij-community platform/platform-api/src/com/intellij/openapi/ui/InputValidator.java
package com.intellij.openapi.ui;

public interface InputValidator {
    boolean checkInput(String input);

    boolean canClose(String input);
}
