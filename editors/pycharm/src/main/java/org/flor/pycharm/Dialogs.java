package org.flor.pycharm;

import com.intellij.openapi.project.Project;
import com.intellij.openapi.ui.InputValidatorEx;
import com.intellij.openapi.ui.Messages;
import com.intellij.openapi.ui.popup.JBPopupFactory;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/** What the user is asked. */
final class Dialogs {
    private Dialogs() {}

    /**
     * Ask for a line of text.
     *
     * @param problem why a line will not do, if so
     * @return null if the user wants none of it
     */
    static String line(
            Project project, String title, String message, String initial, Function<String, Optional<String>> problem) {
        return Messages.showInputDialog(project, message, title, null, initial, new InputValidatorEx() {
            @Override
            public String getErrorText(String input) {
                return problem.apply(input).orElse(null);
            }

            @Override
            public boolean checkInput(String input) {
                return problem.apply(input).isEmpty();
            }

            @Override
            public boolean canClose(String input) {
                return checkInput(input);
            }
        });
    }

    /** One of several things, with the line that the user sees. */
    private record Item<T>(T own, String line) {
        @Override
        public String toString() {
            return line;
        }
    }

    /** Have the user choose one of several things; of one there is no question. */
    static <T> void choose(Project project, String title, List<T> all, Function<T, String> line, Consumer<T> then) {
        if (all.size() == 1) {
            then.accept(all.get(0));
            return;
        }
        List<Item<T>> items = all.stream().map(own -> new Item<>(own, line.apply(own))).toList();
        JBPopupFactory.getInstance()
                .createPopupChooserBuilder(items)
                .setTitle(title)
                .setItemChosenCallback(item -> then.accept(item.own()))
                .createPopup()
                .showCenteredInCurrentWindow(project);
    }
}
