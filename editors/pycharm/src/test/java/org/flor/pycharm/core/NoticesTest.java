package org.flor.pycharm.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.flor.pycharm.core.Messages.Job;
import org.flor.pycharm.core.Notices.Notice;
import org.junit.jupiter.api.Test;

class NoticesTest {
    private long now;
    private final Notices notices = new Notices(() -> now);

    private Optional<Notice> changed(String kind, String state, String message) {
        Job job = new Job();
        job.id = 1;
        job.kind = kind;
        job.title = "Run iris.py";
        job.state = state;
        job.message = message;
        return notices.changed(job);
    }

    @Test
    void aRunThatHasEndedIsTold() {
        assertEquals(Optional.empty(), changed("run", "running", ""));
        assertEquals(Optional.of(new Notice(false, "Run iris.py: done.")), changed("run", "done", ""));
    }

    @Test
    void aTableIsToldOnlyIfItTookLong() {
        changed("etl", "running", "");
        assertEquals(Optional.empty(), changed("etl", "done", ""));
        changed("etl", "running", "");
        now += 20_000;
        assertEquals(Optional.empty(), changed("etl", "running", ""));
        assertTrue(changed("etl", "done", "").isPresent());
    }

    @Test
    void whateverFailedIsToldOnce() {
        String said = "iris.py ended with exit code 1; its output is in the log";
        assertTrue(notices.isNew(said));
        assertEquals(Optional.of(new Notice(true, said)), changed("run", "failed", said));
        assertFalse(notices.isNew(said));
        notices.clear();
        assertTrue(notices.isNew(said));
    }

    @Test
    void whoCancelsKnowsIt() {
        changed("run", "running", "");
        assertEquals(Optional.empty(), changed("run", "cancelled", "it was cancelled"));
        assertFalse(notices.isNew("Run iris.py: it was cancelled"));
    }
}
