package org.flor.pycharm.core;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.Color;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.flor.pycharm.core.Messages.Experiments;
import org.flor.pycharm.core.Messages.JobChanged;
import org.flor.pycharm.core.Messages.Nameables;
import org.flor.pycharm.core.Messages.Names;

/** For tests in other languages: what the plugin would do, by its own classes. */
public final class AsThePlugin {
    private static final Gson GSON = new Gson();

    private AsThePlugin() {}

    /** {@code start PYTHON}: how it starts the server. {@code read}: what it makes of messages, which come a line each. */
    public static void main(String[] arguments) throws IOException {
        if (arguments[0].equals("start")) {
            System.out.println(GSON.toJson(start(arguments[1])));
            return;
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Notices notices = new Notices(System::currentTimeMillis);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonObject message = JsonParser.parseString(line).getAsJsonObject();
            String made = read(notices, message.get("method").getAsString(), message.getAsJsonObject("value"));
            System.out.println(GSON.toJson(made));
        }
    }

    private static Map<String, Object> start(String python) {
        Sdk sdk = new Sdk("Python", Sdk.PYTHON, python);
        Predicate<String> local = Interpreters::isLocal;
        Choice.Found found = (Choice.Found) Interpreters.choose("", List.of(sdk), null, local);
        return Map.of(
                "command", Commands.server(found.path(), List.of()),
                "options", Options.DEFAULT.initialization(found.path()),
                "settings", Options.DEFAULT.settings(found.path()),
                "theme", Theme.of(new Color(0x2b2d30), new Color(0xdfe1e5)),
                "file", Page.file("file:///other.py"),
                "light", Page.theme("light"));
    }

    private static String read(Notices notices, String method, JsonObject value) {
        return switch (method) {
            case "flor/jobsChanged" -> notices.changed(GSON.fromJson(value, JobChanged.class).job)
                    .map(Notices.Notice::text)
                    .orElse("");
            case "flor/names" -> String.join(" ", GSON.fromJson(value, Names.class).taken());
            case "flor/nameable" -> GSON.fromJson(value, Nameables.class).expressions.get(0).name;
            case "flor/experiments" -> GSON.fromJson(value, Experiments.class).experiments.get(0).name;
            default -> throw new IllegalArgumentException(method);
        };
    }
}
