package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import com.intellij.openapi.fileEditor.FileDocumentManager;
import com.intellij.openapi.fileEditor.FileEditorManager;
import com.intellij.openapi.vfs.VirtualFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Commands;
import org.flor.pycharm.core.Ended;
import org.flor.pycharm.core.Messages.Names;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Uris;

/** Opens the shadow copy of the file; makes it, if nothing is named yet. */
public final class OpenShadowAction extends FlorAction {
    private static final long SECONDS = 60;

    public OpenShadowAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        Path source = Path.of(file(event).getPath());
        OfDocument asked = new OfDocument(uri(event));
        return flor.onEdt(() -> FileDocumentManager.getInstance().saveAllDocuments())
                .thenCompose(saved -> flor.ask(server -> server.names(asked)))
                .thenApplyAsync(names -> shadow(flor, source, names))
                .thenCompose(shadow -> flor.onEdt(() -> open(flor, shadow)));
    }

    private static Path shadow(Flor flor, Path source, Names names) {
        if (names.shadow != null) {
            return Uris.path(names.shadow);
        }
        Path shadow = Uris.shadowOf(source);
        try {
            String python = flor.interpreter().last();
            Ended ended = Ended.run(Commands.copy(python, source.toString(), shadow.toString()), Map.of(), SECONDS);
            if (ended.code() != 0) {
                throw new IllegalStateException(ended.lastLine().replaceFirst("^flor: ", ""));
            }
            return shadow;
        } catch (IOException error) {
            throw new IllegalStateException(error.getMessage(), error);
        }
    }

    private static void open(Flor flor, Path shadow) {
        VirtualFile file = ShadowCopy.file(shadow);
        if (file == null) {
            throw new IllegalStateException("There is no " + shadow + ".");
        }
        FileEditorManager.getInstance(flor.project()).openFile(file, true);
    }
}
