package org.flor.pycharm.core;

import com.google.gson.Gson;
import java.util.Map;

/** What the side panel's page is told, in JavaScript. */
public final class Page {
    private Page() {}

    /** The user has another file before them. */
    public static String file(String uri) {
        return told("host/file", Map.of("uri", uri));
    }

    /** An experiment's table is to be shown. */
    public static String show(String experiment) {
        return told("host/show", Map.of("experiment", experiment));
    }

    /** One of the page's views is to be shown: Table, Plot, SQL, Runs. */
    public static String view(String view) {
        return told("host/view", Map.of("view", view));
    }

    /** The IDE has another theme. */
    public static String theme(String theme) {
        return told("host/theme", Map.of("theme", theme));
    }

    /** A page that says one sentence, while there is no server. */
    public static String message(String text, String theme) {
        String escaped = text.replace("&", "&amp;").replace("<", "&lt;");
        String colours = theme.endsWith("light") ? "color:#1f2328;background:#fff" : "color:#dfe1e5;background:#1e1f22";
        return "<!doctype html><meta charset=utf-8><body style=\"font:13px sans-serif;margin:1em;" + colours + "\">" + escaped;
    }

    private static String told(String method, Map<String, String> params) {
        String message = new Gson().toJson(Map.of("method", method, "params", params));
        return "window.postMessage(" + message + ", window.origin)";
    }
}
