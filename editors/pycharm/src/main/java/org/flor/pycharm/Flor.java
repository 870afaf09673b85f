package org.flor.pycharm;

import com.google.gson.Gson;
import com.intellij.openapi.application.ApplicationManager;
import com.intellij.openapi.fileEditor.FileDocumentManager;
import com.intellij.openapi.project.Project;
import com.intellij.openapi.vfs.VirtualFile;
import com.intellij.openapi.vfs.VirtualFileManager;
import com.intellij.openapi.wm.ToolWindow;
import com.intellij.openapi.wm.ToolWindowManager;
import com.redhat.devtools.lsp4ij.LanguageServerManager;
import com.redhat.devtools.lsp4ij.LanguageServerManager.StartOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.eclipse.lsp4j.ExecuteCommandParams;
import org.flor.pycharm.core.Messages.Job;
import org.flor.pycharm.core.Notices;

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
     * Have the server do a command that edits a shadow copy. What it reads is saved before, and the copy after: a file that no
     * editor has open is to the server what it is on disk.
     */
    <T> CompletableFuture<T> edit(String command, Object argument, Class<T> answer, Function<T, Path> shadow) {
        return onEdt(() -> FileDocumentManager.getInstance().saveAllDocuments())
                .thenCompose(saved -> command(command, argument, answer))
                .thenCompose(found -> onEdt(() -> save(shadow.apply(found))).thenApply(saved -> found));
    }

    private void save(Path path) {
        FileDocumentManager manager = FileDocumentManager.getInstance();
        VirtualFile file = file(path);
        var document = file == null ? null : manager.getCachedDocument(file);
        if (document != null && manager.isDocumentUnsaved(document)) {
            manager.saveDocument(document);
        }
    }

    static VirtualFile file(Path path) {
        String slashed = path.toString().replace('\\', '/');
        return VirtualFileManager.getInstance().refreshAndFindFileByUrl(VirtualFileManager.constructUrl("file", slashed));
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
        PanelWindow shown = panel;
        if (runs && shown != null) {
            shown.load();
        }
    }

    // ---- the user

    /** Do something where dialogs and documents may be touched. */
    CompletableFuture<Void> onEdt(Runnable act) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        ApplicationManager.getApplication().invokeLater(() -> {
            try {
                if (!project.isDisposed()) {
                    act.run();
                }
                done.complete(null);
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

    /** Tell the user what went wrong, unless they know it. */
    void fail(Throwable error) {
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
        showPanel(experiment, window -> {
            if (experiment != null) {
                window.show(experiment);
            }
            return null;
        });
    }

    void showView(String view) {
        showPanel(null, window -> {
            window.view(view);
            return null;
        });
    }

    private void showPanel(String experiment, Function<PanelWindow, Void> then) {
        wanted = experiment == null ? wanted : experiment;
        activate(WINDOW, () -> {
            if (panel != null) {
                then.apply(panel);
            }
        });
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
