package org.flor.pycharm.core;

import com.google.gson.JsonObject;

/**
 * What the user has set.
 *
 * @param python the interpreter; empty: the project's
 * @param arguments more arguments of the server, as they were typed
 * @param home the folder of all experiments; empty: as the environment says
 */
public record Options(
        String python,
        String arguments,
        String home,
        boolean etlOnName,
        boolean inlayHints,
        boolean hover,
        boolean codeLens,
        boolean diagnostics) {
    public static final Options DEFAULT = new Options("", "", "", true, true, true, true, true);

    /** The settings as the server reads them, under {@code flor}; {@code path} is the interpreter that was chosen. */
    public JsonObject settings(String path) {
        JsonObject own = new JsonObject();
        own.addProperty("python", path);
        own.addProperty("etlOnName", etlOnName);
        own.addProperty("inlayHints", inlayHints);
        own.addProperty("hover", hover);
        own.addProperty("codeLens", codeLens);
        own.addProperty("diagnostics", diagnostics);
        JsonObject all = new JsonObject();
        all.add("flor", own);
        return all;
    }

    /** The initialization options: the settings, and what this client can do. */
    public JsonObject initialization(String path) {
        JsonObject all = settings(path);
        JsonObject own = all.getAsJsonObject("flor");
        own.addProperty("prompt", true);
        own.addProperty("panel", true);
        own.addProperty("prepareRun", true);
        return all;
    }

    /** Whether the server has to be started anew to heed the others: the rest it is told of. */
    public boolean startsAnewFor(Options others) {
        return !(python.equals(others.python) && arguments.equals(others.arguments) && home.equals(others.home));
    }
}
