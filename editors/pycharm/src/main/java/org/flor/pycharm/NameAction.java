package org.flor.pycharm;

import com.intellij.openapi.actionSystem.AnActionEvent;
import com.intellij.openapi.actionSystem.CommonDataKeys;
import com.intellij.openapi.editor.Document;
import com.intellij.openapi.editor.Editor;
import java.util.concurrent.CompletableFuture;
import org.flor.pycharm.core.Messages.Nameable;
import org.flor.pycharm.core.Messages.Position;
import org.flor.pycharm.core.Messages.Range;
import org.flor.pycharm.core.Messages.Selection;
import org.flor.pycharm.core.Words;

/** Names what is selected, or what is at the caret: the server says what that is, and what name suits. */
public final class NameAction extends FlorAction {
    private static final int LINE = 80;

    public NameAction() {
        super(true);
    }

    @Override
    CompletableFuture<?> perform(Flor flor, AnActionEvent event) {
        Editor editor = event.getData(CommonDataKeys.EDITOR);
        if (editor == null) {
            throw new IllegalStateException("there is no editor here");
        }
        Selection selection = new Selection(uri(event), range(editor));
        return flor.ask(server -> server.nameable(selection)).thenCompose(found -> flor.onEdt(() -> Dialogs.choose(
                flor.project(), "Name Which Expression?", found.expressions, NameAction::line, own ->
                        flor.watch(NameDialog.ask(flor, own)))));
    }

    private static String line(Nameable own) {
        return Words.onOneLine(own.text, LINE) + "  \"" + own.name + "\"";
    }

    private static Range range(Editor editor) {
        Document document = editor.getDocument();
        int start = editor.getSelectionModel().getSelectionStart();
        int end = editor.getSelectionModel().getSelectionEnd();
        return Range.of(position(document, start), position(document, end));
    }

    private static Position position(Document document, int offset) {
        int line = document.getLineNumber(offset);
        return Position.of(line, offset - document.getLineStartOffset(line));
    }
}
