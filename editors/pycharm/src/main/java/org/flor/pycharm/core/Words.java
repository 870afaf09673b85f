package org.flor.pycharm.core;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Command lines, as one types them. */
public final class Words {
    private static final Pattern PLAIN = Pattern.compile("[\\w./:=@+-]+");

    private Words() {}

    /**
     * The words of a line, as a shell takes them: quotes and backslashes keep spaces.
     *
     * @throws IllegalArgumentException if a quote is open
     */
    public static List<String> split(String line) {
        List<String> found = new ArrayList<>();
        StringBuilder word = null;
        char quote = 0;
        for (int at = 0; at < line.length(); at++) {
            char own = line.charAt(at);
            boolean isSpace = quote == 0 && Character.isWhitespace(own);
            if (isSpace && word != null) {
                found.add(word.toString());
            }
            if (isSpace) {
                word = null;
                continue;
            }
            word = word == null ? new StringBuilder() : word;
            if (own == '\\' && quote != '\'' && at + 1 < line.length()) {
                word.append(line.charAt(++at));
            } else if (quote == 0 && (own == '"' || own == '\'')) {
                quote = own;
            } else if (own == quote) {
                quote = 0;
            } else {
                word.append(own);
            }
        }
        if (quote != 0) {
            throw new IllegalArgumentException("A quote is open: " + quote);
        }
        if (word != null) {
            found.add(word.toString());
        }
        return found;
    }

    /** A command as one would type it. */
    public static String asTyped(List<String> command) {
        return command.stream()
                .map(word -> PLAIN.matcher(word).matches() ? word : '"' + word.replace("\"", "\\\"") + '"')
                .collect(Collectors.joining(" "));
    }

    /** Text on one line, of at most so many characters. */
    public static String onOneLine(String text, int length) {
        String line = text.strip().replaceAll("\\s+", " ");
        return line.length() <= length ? line : line.substring(0, length - 1) + "…";
    }
}
