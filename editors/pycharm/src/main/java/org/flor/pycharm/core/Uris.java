package org.flor.pycharm.core;

import java.net.URI;
import java.nio.file.Path;

/** Files, as the server calls them. */
public final class Uris {
    private Uris() {}

    /** The URI of a file. */
    public static String of(String path) {
        return Path.of(path).toUri().toString();
    }

    /**
     * The path of a file, of its URI or its path.
     *
     * @throws IllegalArgumentException if it is none of this machine
     */
    public static Path path(String uri) {
        return uri.startsWith("file:") ? Path.of(URI.create(uri)) : Path.of(uri);
    }

    /** Where the shadow copy of a source is made. */
    public static Path shadowOf(Path source) {
        String name = source.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return source.resolveSibling((dot > 0 ? name.substring(0, dot) : name) + "_h.py");
    }
}
