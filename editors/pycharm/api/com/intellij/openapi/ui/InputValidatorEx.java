// From intellij-community platform/platform-api/src/com/intellij/openapi/ui/InputValidatorEx.java
package com.intellij.openapi.ui;

public interface InputValidatorEx extends InputValidator {
    String getErrorText(String input);
}
