package org.flor.pycharm;

import com.google.gson.Gson;
import com.intellij.openapi.application.ApplicationManager;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.wm.ToolWindow;
import com.intellij.openapi.wm.ToolWindowManager;
import com.redhat.devtools.lsp4ij.LanguageServerManager;
import com.redhat.devtools.lsp4ij.LanguageServerManager.StartOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.eclipse.lsp4j.ExecuteCommandParams;
import org.flor.pycharm.core.Messages.Job;
import org.flor.pycharm.core.Notices;
import org.flor.pycharm.core.Uris;

/** Flor in one project: the server, whoever starts it, and what the user is told. */
public final class Flor {
    static final String ID = "flor"; // of the server, in plugin.xml
    static final String WINDOW = "Flor"; // of the tool window
    private static final String LOG = "Language Servers"; // LSP4IJ's tool window
    private static final Gson GSON = new Gson();

    private final Project project;
    private final Interpreter interpreter;
    private final Notices notices = new Notices(System::currentTimeMillis);
    private volatile ServerClient client;
    private volatile PanelWindow panel; // null: the tool window was not opened yet
    private volatile String wanted; // the experiment that was asked for before it was

    public Flor(Project project) {
        this.project = project;
        interpreter = new Interpreter(project, this);
    }

    static Flor of(Project project) {
        return project.getService(Flor.class);
    }

    Project project() {
        return project;
    }

    Interpreter interpreter() {
        return interpreter;
    }

    // ---- the server

    /** Ask the server, which is started if it has to be. */
    <T> CompletableFuture<T> ask(Function<ServerApi, CompletableFuture<T>> question) {
        return LanguageServerManager.getInstance(project)
                .getLanguageServer(ID)
                .thenCompose(item -> {
                    if (item == null) {
                        throw new IllegalStateException(interpreter.absence());
                    }
                    return item.getInitializedServer();
                })
                .thenCompose(server -> question.apply((ServerApi) server));
    }

    /** Have the server do a command. */
    <T> CompletableFuture<T> command(String command, Object argument, Class<T> answer) {
        ExecuteCommandParams params = new ExecuteCommandParams(command, List.of(GSON.toJsonTree(argument)));
        return ask(server -> server.getWorkspaceService().executeCommand(params))
                .thenApply(found -> GSON.fromJson(GSON.toJsonTree(found), answer));
    }

    /**
     * Have the server do a command that edits a shadow copy, and save the copy, unless it had changes of the user's own.
     *
     * @param before the URI of the copy that there is; null: none
     * @param after the copy that was edited
     */
    <T> CompletableFuture<T> edit(
            String command, Object argument, Class<T> answer, String before, Function<T, Path> after) {
        return onEdt(() -> before != null && ShadowCopy.prepare(project, Uris.path(before)))
                .thenCompose(keep -> command(command, argument, answer).thenCompose(found -> onEdt(() -> {
                    if (!keep) {
                        ShadowCopy.save(after.apply(found));
                    }
                    return found;
                })));
    }

    void restart() {
        interpreter.forget();
        StartOptions anew = new StartOptions().setForceStart(true).setForceRestart(true);
        onEdt(() -> LanguageServerManager.getInstance(project).start(ID, anew));
    }

    void settingsChanged(boolean startsAnew) {
        ServerClient own = client;
        if (startsAnew) {
            restart();
        } else if (own != null) {
            own.triggerChangeConfiguration();
        }
    }

    void statusChanged(ServerClient own, boolean runs) {
        client = runs ? own : null;
        notices.clear();
        if (runs) {
            withPanel(PanelWindow::load);
        }
    }

    // ---- the user

    /** Do something where dialogs and documents may be touched. */
    CompletableFuture<Void> onEdt(Runnable act) {
        return onEdt(() -> {
            act.run();
            return null;
        });
    }

    /** Ask something where documents may be touched. */
    <T> CompletableFuture<T> onEdt(Supplier<T> question) {
        CompletableFuture<T> done = new CompletableFuture<>();
        ApplicationManager.getApplication().invokeLater(() -> {
            try {
                done.complete(project.isDisposed() ? null : question.get());
            } catch (RuntimeException error) {
                done.completeExceptionally(error);
            }
        });
        return done;
    }

    void jobChanged(Job job) {
        notices.changed(job).ifPresent(notice -> {
            if (notice.failed()) {
                Notifications.failed(project, notice.text());
            } else {
                Notifications.done(project, notice.text());
            }
        });
    }

    /** Tell the user if something that goes on fails. */
    void watch(CompletableFuture<?> going) {
        going.exceptionally(error -> {
            fail(error);
            return null;
        });
    }

    /** Tell the user what went wrong, unless they know it. */
    private void fail(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        if (notices.isNew(message) && !interpreter.wasTold(message)) {
            Notifications.failed(project, message);
        }
    }

    // ---- tool windows

    void opened(PanelWindow own) {
        panel = own;
    }

    /** The experiment that is to be shown at first. */
    String wanted() {
        return wanted;
    }

    /** Show the side panel; with an experiment, its table. */
    void showPanel(String experiment) {
        if (experiment == null) {
            activate(WINDOW, null);
        } else {
            wanted = experiment;
            activate(WINDOW, () -> withPanel(own -> own.show(experiment)));
        }
    }

    /** Show the side panel, with one of its views. */
    void showView(String view) {
        activate(WINDOW, () -> withPanel(own -> own.view(view)));
    }

    private void withPanel(Consumer<PanelWindow> act) {
        PanelWindow own = panel;
        if (own != null) {
            act.accept(own);
        }
    }

    void showLog() {
        activate(LOG, null);
    }

    private void activate(String id, Runnable then) {
        onEdt(() -> {
            ToolWindow window = ToolWindowManager.getInstance(project).getToolWindow(id);
            if (window != null) {
                window.activate(then, false);
            }
        });
    }
}
