// From intellij-community platform/platform-util-io/src/com/intellij/execution/configurations/GeneralCommandLine.java
package com.intellij.execution.configurations;

import java.nio.charset.Charset;
import java.util.List;
import java.util.Map;

public class GeneralCommandLine {
    public GeneralCommandLine(List<String> command) {}

    public native GeneralCommandLine withWorkDirectory(String path);

    public native GeneralCommandLine withEnvironment(Map<String, String> environment);

    public native GeneralCommandLine withCharset(Charset charset);
}
