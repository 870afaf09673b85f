package org.flor.pycharm;

import com.intellij.openapi.components.PersistentStateComponent;
import com.intellij.openapi.components.State;
import com.intellij.openapi.components.Storage;
import com.intellij.openapi.components.StoragePathMacros;
import com.intellij.openapi.project.Project;
import java.util.HashMap;
import java.util.Map;
import org.flor.pycharm.core.Messages.Run;
import org.flor.pycharm.core.Options;
import org.flor.pycharm.core.Uris;
import org.flor.pycharm.core.Words;

/** What the user has set, and with what each script was last run: for one project, on this machine alone. */
@State(name = "Flor", storages = @Storage(StoragePathMacros.WORKSPACE_FILE))
public final class FlorSettings implements PersistentStateComponent<FlorSettings.Stored> {
    /** As it is stored: the IDE reads and writes the fields. */
    public static final class Stored {
        public String python = "";
        public String arguments = "";
        public String home = "";
        public boolean etlOnName = true;
        public boolean inlayHints = true;
        public boolean hover = true;
        public boolean codeLens = true;
        public boolean diagnostics = true;
        public Map<String, String> experimentOf = new HashMap<>(); // by the path of a script
        public Map<String, String> argumentsOf = new HashMap<>();
    }

    private Stored stored = new Stored();

    static FlorSettings of(Project project) {
        return project.getService(FlorSettings.class);
    }

    @Override
    public Stored getState() {
        return stored;
    }

    @Override
    public void loadState(Stored state) {
        stored = state;
    }

    Options options() {
        return new Options(
                stored.python,
                stored.arguments,
                stored.home,
                stored.etlOnName,
                stored.inlayHints,
                stored.hover,
                stored.codeLens,
                stored.diagnostics);
    }

    void set(Options options) {
        stored.python = options.python();
        stored.arguments = options.arguments();
        stored.home = options.home();
        stored.etlOnName = options.etlOnName();
        stored.inlayHints = options.inlayHints();
        stored.hover = options.hover();
        stored.codeLens = options.codeLens();
        stored.diagnostics = options.diagnostics();
    }

    /** The experiment that a script was last asked to be run in; empty: none. */
    String experimentOf(String uri) {
        return stored.experimentOf.getOrDefault(key(uri), "");
    }

    /** The arguments that a script was last run with, as they were typed. */
    String argumentsOf(String uri) {
        return stored.argumentsOf.getOrDefault(key(uri), "");
    }

    void remember(String uri, String experiment, String arguments) {
        stored.experimentOf.put(key(uri), experiment);
        stored.argumentsOf.put(key(uri), arguments);
    }

    /** Whoever asks may write the URI of a file in another way. */
    private static String key(String uri) {
        return Uris.path(uri).toString();
    }

    /** What is remembered of a script. */
    Run remembered(String uri) {
        String experiment = experimentOf(uri);
        return Run.of(uri, experiment.isEmpty() ? null : experiment, Words.split(argumentsOf(uri)));
    }
}
