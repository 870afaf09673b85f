package org.flor.pycharm.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class WordsTest {
    @Test
    void aLineIsSplitAsAShellDoes() {
        assertEquals(List.of("--epochs", "10"), Words.split("  --epochs  10 "));
        assertEquals(List.of("a b", "c d", "e f"), Words.split("'a b' \"c d\" e\\ f"));
        assertEquals(List.of("--name=my run", ""), Words.split("--name=\"my run\" ''"));
        assertEquals(List.of("C:\\data", "\"x\""), Words.split("'C:\\data' \\\"x\\\""));
        assertEquals(List.of(), Words.split(" "));
    }

    @Test
    void anOpenQuoteIsRefused() {
        assertEquals("A quote is open: '", assertThrows(IllegalArgumentException.class, () -> Words.split("a 'b")).getMessage());
    }

    @Test
    void aCommandIsShownAsOneTypesIt() {
        assertEquals("/my/python -m pip install flor-lsp", Words.asTyped(Commands.install("/my/python")));
        assertEquals("\"C:\\Program Files\\python.exe\" -m", Words.asTyped(List.of("C:\\Program Files\\python.exe", "-m")));
    }

    @Test
    void textIsPutOnOneLine() {
        assertEquals("a = [ 1, 2 ]", Words.onOneLine(" a = [\n  1,\n  2 ]", 20));
        assertEquals("abcd…", Words.onOneLine("abcdefgh", 5));
    }
}
