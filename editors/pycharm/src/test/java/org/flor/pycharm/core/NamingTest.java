package org.flor.pycharm.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NamingTest {
    private static String problem(String name, String... taken) {
        return Naming.problem(name, List.of(taken)).orElse("");
    }

    @Test
    void aNameIsAnythingThatSqlCanTellFromTheOthers() {
        assertEquals("", problem("my loss", "loss"));
        assertEquals("A name needs a character.", problem(""));
        assertEquals("A name has no spaces around it.", problem(" loss"));
        assertEquals("A name has no control characters.", problem("a\tb"));
        assertEquals("\"loss\" is taken.", problem("loss", "score", "loss"));
        assertEquals("\"Loss\" and \"loss\" are one name to SQL.", problem("loss", "Loss"));
    }

    @Test
    void anExperimentIsNamedAsAFolderCanBe() {
        assertEquals(Optional.empty(), Naming.experimentProblem("iris_demo"));
        assertEquals(Optional.of("An experiment needs a name."), Naming.experimentProblem(""));
        assertEquals(Optional.of("The name begins with a letter or a digit."), Naming.experimentProblem("-x"));
        Optional<String> letters = Optional.of("Use letters, digits, \"_\", \"-\" and \".\", as in iris_demo.");
        assertEquals(letters, Naming.experimentProblem("a/b"));
        assertEquals(letters, Naming.experimentProblem("a\nb"));
    }

    @Test
    void argumentsAreWords() {
        assertEquals(Optional.empty(), Naming.argumentsProblem("--epochs 10"));
        assertEquals(Optional.of("A quote is open: \""), Naming.argumentsProblem("\"a"));
    }
}
