package org.flor.pycharm.core;

/**
 * An interpreter as the IDE knows it.
 *
 * @param name as it is shown to the user
 * @param type the name of the SDK's type
 * @param home the path of its executable, or an address elsewhere; null: it has none
 */
public record Sdk(String name, String type, String home) {
    static final String PYTHON = "Python SDK";

    boolean isPython() {
        return PYTHON.equals(type);
    }
}
