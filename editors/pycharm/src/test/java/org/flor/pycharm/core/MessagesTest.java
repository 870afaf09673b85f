package org.flor.pycharm.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.awt.Color;
import java.nio.file.Path;
import java.util.List;
import org.flor.pycharm.core.Messages.Nameable;
import org.flor.pycharm.core.Messages.Names;
import org.flor.pycharm.core.Messages.OfDocument;
import org.flor.pycharm.core.Messages.Run;
import org.junit.jupiter.api.Test;

class MessagesTest {
    private static final Gson GSON = new Gson();

    @Test
    void namesAreRead() {
        Names names = GSON.fromJson("{\"shadow\": \"file:///a_h.py\", \"source\": null, \"names\": [{\"name\": \"loss\","
                + " \"text\": \"f(x)\", \"range\": {\"start\": {\"line\": 1, \"character\": 4}}, \"source\": null}]}",
                Names.class);
        assertEquals(List.of("loss"), names.taken());
        assertEquals(4, names.names.get(0).range.start.character);
        assertNull(names.source);
    }

    @Test
    void messagesWithoutAnEmptyConstructorAreReadToo() {
        assertEquals("file:///a.py", GSON.fromJson("{\"uri\": \"file:///a.py\"}", OfDocument.class).uri);
    }

    @Test
    void filesAreKnownByUri() {
        assertEquals("file:///my%20work/a.py", Uris.of("/my work/a.py"));
        assertEquals(Path.of("/my work/a.py"), Uris.path("file:///my%20work/a.py"));
        assertEquals(Path.of("/my work/a_h.py"), Uris.path("/my work/a_h.py"));
        assertEquals(Path.of("/project/a.b_h.py"), Uris.shadowOf(Path.of("/project/a.b.py")));
        assertThrows(IllegalArgumentException.class, () -> Uris.path("file://elsewhere/a.py"));
    }

    @Test
    void whatIsNotSaidIsNotSent() {
        assertEquals("{\"uri\":\"file:///a.py\"}", GSON.toJson(Run.of("file:///a.py", null, null)));
        Nameable own = GSON.fromJson("{\"uri\": \"u\", \"version\": 3, \"name\": \"fit\", \"text\": \"fit(x)\"}", Nameable.class);
        assertEquals("{\"uri\":\"u\",\"version\":3,\"name\":\"score\"}", GSON.toJson(own.as("score")));
    }

    @Test
    void theOptionsSayWhatThisClientCanDo() {
        Options options = new Options("", "--verbose", "", true, false, true, true, true);
        JsonObject own = options.initialization("/usr/bin/python3").getAsJsonObject("flor");
        for (String can : List.of("prompt", "panel", "prepareRun")) {
            assertTrue(own.get(can).getAsBoolean());
        }
        assertFalse(own.get("inlayHints").getAsBoolean());
        assertEquals("/usr/bin/python3", own.get("python").getAsString());
        assertFalse(options.settings("/usr/bin/python3").getAsJsonObject("flor").has("prompt"));
    }

    @Test
    void theServerStartsAnewForWhatItIsStartedWith() {
        Options hints = new Options("", "", "", true, false, true, true, true);
        assertFalse(Options.DEFAULT.startsAnewFor(hints));
        assertTrue(Options.DEFAULT.startsAnewFor(new Options("", "", "/home", true, true, true, true, true)));
    }

    @Test
    void thePageIsToldInJavaScript() {
        String told = Page.file("file:///it's </script>.py");
        assertTrue(told.startsWith("window.postMessage({"), told);
        assertFalse(told.contains("</script>"), told);
        assertTrue(told.endsWith(", window.origin)"), told);
        assertTrue(Page.theme("dark").contains("\"host/theme\""));
        assertTrue(Page.show("iris").contains("\"iris\"") && Page.view("SQL").contains("\"SQL\""));
    }

    @Test
    void theThemeIsThatOfTheColours() {
        assertEquals("light", Theme.of(new Color(0xf7f8fa), Color.BLACK));
        assertEquals("dark", Theme.of(new Color(0x2b2d30), new Color(0xdfe1e5)));
        assertEquals("hc-dark", Theme.of(Color.BLACK, Color.WHITE));
    }
}
