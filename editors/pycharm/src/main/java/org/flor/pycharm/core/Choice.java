package org.flor.pycharm.core;

/** The interpreter that runs the server, or why there is none. */
public sealed interface Choice {
    /** The path of an executable on this machine. */
    record Found(String path) implements Choice {}

    /** A sentence for the user. */
    record Refused(String reason) implements Choice {}
}
