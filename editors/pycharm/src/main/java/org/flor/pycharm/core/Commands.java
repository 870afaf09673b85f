package org.flor.pycharm.core;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What is started. Nothing of the current folder is imported: -P. Scripts are to inherit nothing, so no variable says it. */
public final class Commands {
    private Commands() {}

    /** The server. */
    public static List<String> server(String python, List<String> more) {
        List<String> command = new ArrayList<>(List.of(python, "-P", "-m", "flor_lsp", "--stdio"));
        command.addAll(more);
        return command;
    }

    /** What makes the shadow copy of a source, without any name. */
    public static List<String> copy(String python, String source, String shadow) {
        return List.of(python, "-P", "-m", "flor", "cp", source, shadow);
    }

    /** What installs the server. */
    public static List<String> install(String python) {
        return List.of(python, "-m", "pip", "install", "flor-lsp");
    }

    /** What finds out whether the server is there. */
    static List<String> probe(String python) {
        String code = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec(\"flor_lsp\") else 3)";
        return List.of(python, "-P", "-c", code);
    }

    /** Variables that are set beside those that there are. */
    public static Map<String, String> environment(String home) {
        return home.isEmpty() ? Map.of() : Map.of("FLOR_HOME", home);
    }
}
