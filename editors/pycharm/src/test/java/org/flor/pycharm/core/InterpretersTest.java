package org.flor.pycharm.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InterpretersTest {
    private static final Sdk MODULE = new Sdk("Python 3.12 (train)", "Python SDK", "/project/.venv/bin/python");
    private static final Sdk PROJECT = new Sdk("Python 3.11", "Python SDK", "/usr/bin/python3");
    private static final Sdk JAVA = new Sdk("17", "JavaSDK", "/usr/lib/jvm/17");
    private static final Sdk REMOTE = new Sdk("Remote Python 3.12", "Python SDK", "docker://python:3.12/python");
    private static final Set<String> HERE = Set.of("/project/.venv/bin/python", "/usr/bin/python3", "/usr/lib/jvm/17", "/set");

    private static Choice choose(String setting, List<Sdk> modules, Sdk project) {
        return Interpreters.choose(setting, modules, project, HERE::contains);
    }

    private static String refusal(String setting, List<Sdk> modules, Sdk project) {
        return ((Choice.Refused) choose(setting, modules, project)).reason();
    }

    @Test
    void whatIsSetForFlorComesFirst() {
        assertEquals(new Choice.Found("/set"), choose("/set", List.of(MODULE), PROJECT));
    }

    @Test
    void thenThatOfTheModuleThenThatOfTheProject() {
        assertEquals(new Choice.Found(MODULE.home()), choose("", List.of(JAVA, MODULE), PROJECT));
        assertEquals(new Choice.Found(PROJECT.home()), choose("", List.of(JAVA), PROJECT));
    }

    @Test
    void whatIsSetAndNotThereIsNotPassedOver() {
        assertEquals("There is no program /gone, which is set as Flor's interpreter.", refusal("/gone", List.of(MODULE), null));
    }

    @Test
    void oneElsewhereIsNotPassedOverEither() {
        String refused = refusal("", List.of(REMOTE), PROJECT);
        assertTrue(refused.startsWith("The interpreter \"Remote Python 3.12\" cannot be started on this machine"), refused);
        assertTrue(refusal("", List.of(new Sdk("broken", "Python SDK", null)), null).contains("\"broken\""));
    }

    @Test
    void withoutPythonThereIsASentence() {
        assertTrue(refusal("", List.of(JAVA), null).startsWith("This project has no Python interpreter"));
        assertTrue(refusal("", List.of(), JAVA).startsWith("This project has no Python interpreter"));
    }

    @Test
    void localIsWhatCanBeExecutedHere(@TempDir Path folder) throws IOException {
        Path file = Files.createFile(folder.resolve("python"));
        assertFalse(Interpreters.isLocal(file.toString()));
        assertTrue(file.toFile().setExecutable(true));
        assertTrue(Interpreters.isLocal(file.toString()));
        assertFalse(Interpreters.isLocal(folder.toString()));
        assertFalse(Interpreters.isLocal("python"));
        assertFalse(Interpreters.isLocal("ssh://me@there:22/usr/bin/python"));
        assertFalse(Interpreters.isLocal("\\\\wsl$\\Debian\\usr\\bin\\python3"));
        assertFalse(Interpreters.isLocal("\\\\wsl.localhost\\Debian\\usr\\bin\\python3"));
        assertFalse(Interpreters.isLocal("a\0b"));
    }

    @Test
    void aSettingIsExpanded() {
        assertEquals("/home/me/venv/bin/python", Interpreters.expanded(" ~/venv/bin/python ", "/home/me", "/project"));
        assertEquals("/project/.venv/bin/python", Interpreters.expanded("$ProjectFileDir$/.venv/bin/python", "/home/me", "/project"));
        assertEquals("/project/.venv/bin/python", Interpreters.expanded(".venv/bin/python", "/home/me", "/project"));
        assertEquals("", Interpreters.expanded("  ", "/home/me", "/project"));
    }
}
