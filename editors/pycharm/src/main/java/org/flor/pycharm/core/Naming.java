package org.flor.pycharm.core;

import java.util.Collection;
import java.util.Optional;

/** What names may be. The server has the last word. */
public final class Naming {
    private static final String NO_FILE_HAS = "/\\:*?\"<>|";

    private Naming() {}

    /** Why this cannot be the name of an expression, if so. {@code taken}: those that there are. To SQL case is one. */
    public static Optional<String> problem(String name, Collection<String> taken) {
        if (name.isEmpty()) {
            return Optional.of("A name needs a character.");
        }
        if (!name.equals(name.strip())) {
            return Optional.of("A name has no spaces around it.");
        }
        if (name.chars().anyMatch(Character::isISOControl)) {
            return Optional.of("A name has no control characters.");
        }
        return taken.stream().filter(name::equalsIgnoreCase).findFirst().map(other -> other.equals(name)
                ? "\"" + other + "\" is taken."
                : "\"" + other + "\" and \"" + name + "\" are one name to SQL.");
    }

    /** Why this cannot be the name of an experiment, if so. */
    public static Optional<String> experimentProblem(String name) {
        if (name.isEmpty()) {
            return Optional.of("An experiment needs a name.");
        }
        if (name.startsWith(".") || name.startsWith("-")) {
            return Optional.of("The name begins with a letter or a digit.");
        }
        if (name.chars().anyMatch(own -> own < ' ' || NO_FILE_HAS.indexOf(own) >= 0)) {
            return Optional.of("Use letters, digits, \"_\", \"-\" and \".\", as in iris_demo.");
        }
        return Optional.empty();
    }

    /** Why a line of arguments cannot be read, if so. */
    public static Optional<String> argumentsProblem(String line) {
        try {
            Words.split(line);
            return Optional.empty();
        } catch (IllegalArgumentException open) {
            return Optional.of(open.getMessage());
        }
    }
}
