package org.flor.pycharm.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The environment variable PYTHON is an interpreter that has Flor. */
class ProbeTest {
    private static final String PYTHON = System.getenv("PYTHON");

    private static Path script(Path folder, String text) throws IOException {
        Path file = Files.writeString(folder.resolve("python"), "#!/bin/sh\n" + text + "\n");
        assertTrue(file.toFile().setExecutable(true));
        return file;
    }

    @Test
    void anInterpreterWithFlor() {
        assertEquals(new Probe(Probe.State.THERE, ""), Probe.of(PYTHON));
    }

    @Test
    void anInterpreterWithoutFlor(@TempDir Path folder) throws IOException {
        Path bare = script(folder, "exec '" + PYTHON + "' -S \"$@\"");
        Probe found = Probe.of(bare.toString());
        assertEquals(new Probe(Probe.State.MISSING, "Flor is not installed in " + bare + "."), found);
    }

    @Test
    void anInterpreterThatIsTooOld(@TempDir Path folder) throws IOException {
        Path old = script(folder, "echo 'Unknown option: -P' >&2; exit 2");
        assertEquals("Flor cannot start " + old + ": Flor needs Python 3.11 or later.", Probe.of(old.toString()).reason());
    }

    @Test
    void whatIsNoInterpreter(@TempDir Path folder) throws IOException {
        Path other = script(folder, "echo first; echo 'I am broken' >&2; exit 1");
        Probe found = Probe.of(other.toString());
        assertEquals(new Probe(Probe.State.BROKEN, "Flor cannot start " + other + ": I am broken"), found);
        assertEquals(Probe.State.BROKEN, Probe.of(folder.resolve("gone").toString()).state());
    }

    @Test
    void aCommandGetsItsVariablesAndAnEnd() throws IOException {
        Ended ended = Ended.run(List.of("/bin/sh", "-c", "echo $FLOR_HOME"), Commands.environment("/my home"), 30);
        assertEquals(new Ended(0, "/my home\n"), ended);
        List<String> endless = List.of("/bin/sh", "-c", "exec sleep 1000");
        String said = assertThrows(IOException.class, () -> Ended.run(endless, Map.of(), 0)).getMessage();
        assertTrue(said.endsWith("took longer than 0 seconds"), said);
    }

    @Test
    void theCommandsImportNothingOfTheCurrentFolder() {
        assertEquals(
                List.of("python", "-P", "-m", "flor_lsp", "--stdio", "--verbose"),
                Commands.server("python", List.of("--verbose")));
        assertEquals(
                List.of("python", "-P", "-m", "flor", "cp", "a.py", "a_h.py"), Commands.copy("python", "a.py", "a_h.py"));
        assertEquals(Map.of(), Commands.environment(""));
    }
}
