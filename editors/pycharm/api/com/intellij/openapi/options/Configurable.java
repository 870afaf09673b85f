// From intellij-community platform/ide-core/src/com/intellij/openapi/options/Configurable.java
package com.intellij.openapi.options;

public interface Configurable {
    String getDisplayName();

    javax.swing.JComponent createComponent();

    boolean isModified();

    void apply() throws ConfigurationException;

    void reset();
}
