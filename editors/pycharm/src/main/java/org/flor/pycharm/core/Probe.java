package org.flor.pycharm.core;

import java.io.IOException;
import java.util.Map;

/**
 * Whether an interpreter has the server.
 *
 * @param state what there is
 * @param reason if there is none: a sentence for the user
 */
public record Probe(State state, String reason) {
    /** The server is there; the interpreter has none; the interpreter cannot be started, or is too old. */
    public enum State {
        THERE,
        MISSING,
        BROKEN
    }

    private static final int NOT_FOUND = 3;
    private static final long SECONDS = 30;

    /** Ask the interpreter. */
    public static Probe of(String python) {
        try {
            return of(python, Ended.run(Commands.probe(python), Map.of(), SECONDS));
        } catch (IOException error) {
            return new Probe(State.BROKEN, "Flor cannot start " + python + ": " + error.getMessage());
        }
    }

    static Probe of(String python, Ended ended) {
        return switch (ended.code()) {
            case 0 -> new Probe(State.THERE, "");
            case NOT_FOUND -> new Probe(State.MISSING, "Flor is not installed in " + python + ".");
            default -> {
                boolean isOld = ended.output().contains("Unknown option");
                String why = isOld ? "Flor needs Python 3.11 or later." : ended.lastLine();
                yield new Probe(State.BROKEN, "Flor cannot start " + python + ": " + why);
            }
        };
    }
}
