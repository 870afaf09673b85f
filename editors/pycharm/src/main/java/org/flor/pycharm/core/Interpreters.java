package org.flor.pycharm.core;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Which interpreter runs the server: the one that is set for Flor, else that of a module, else that of the project. */
public final class Interpreters {
    private static final String PROJECT = "$ProjectFileDir$";

    private Interpreters() {}

    /**
     * The first that there is. If it cannot run on this machine, no other is taken: it would be another environment.
     *
     * @param setting what is set for Flor, expanded; empty: nothing
     * @param modules the interpreters of the project's modules
     * @param project the project's own; null: it has none
     * @param runs whether a path is an executable of this machine
     */
    public static Choice choose(String setting, List<Sdk> modules, Sdk project, Predicate<String> runs) {
        if (!setting.isEmpty()) {
            return runs.test(setting)
                    ? new Choice.Found(setting)
                    : new Choice.Refused("There is no program " + setting + ", which is set as Flor's interpreter.");
        }
        Optional<Sdk> found = Stream.concat(modules.stream(), Stream.ofNullable(project)).filter(Sdk::isPython).findFirst();
        if (found.isEmpty()) {
            return new Choice.Refused("This project has no Python interpreter: choose one for it, or set one for Flor.");
        }
        Sdk sdk = found.get();
        if (sdk.home() != null && runs.test(sdk.home())) {
            return new Choice.Found(sdk.home());
        }
        return new Choice.Refused("The interpreter \"" + sdk.name() + "\" cannot be started on this machine, as Flor needs it:"
                + " choose a local one for the project, or set one for Flor.");
    }

    /** Whether a path is an executable of this machine. Of WSL it is not, though Windows shows it as a file. */
    public static boolean isLocal(String path) {
        String slashed = path.replace('\\', '/');
        if (slashed.startsWith("//wsl")) {
            return false;
        }
        try {
            Path file = Path.of(path);
            return file.isAbsolute() && Files.isRegularFile(file) && Files.isExecutable(file);
        } catch (InvalidPathException notOfThisMachine) {
            return false;
        }
    }

    /** A path as it was set, in full: {@code ~} and {@code $ProjectFileDir$} stand for folders. */
    public static String expanded(String setting, String home, String project) {
        String text = setting.strip();
        if (text.equals("~") || text.startsWith("~/")) {
            text = home + text.substring(1);
        }
        if (project != null) {
            text = text.replace(PROJECT, project);
        }
        try {
            boolean isPath = text.contains("/") || text.contains("\\");
            return project != null && isPath ? Path.of(project).resolve(text).normalize().toString() : text;
        } catch (InvalidPathException notOfThisMachine) {
            return text;
        }
    }
}
