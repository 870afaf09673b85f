package org.flor.pycharm.core;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.flor.pycharm.core.Messages.Job;

/**
 * What the user is told of jobs: that a run has ended, that one of the others has which took long, and whatever failed. Who
 * cancels a job knows it.
 */
public final class Notices {
    /** A sentence for the user, and whether it is of a failure. */
    public record Notice(boolean failed, String text) {}

    private static final long LONG = 10_000; // milliseconds

    private final LongSupplier clock;
    private final Map<Integer, Long> begun = new HashMap<>();
    private String lastFailure = "";

    /** {@code clock} gives milliseconds. */
    public Notices(LongSupplier clock) {
        this.clock = clock;
    }

    /** What is to be told, now that a job has changed. */
    public synchronized Optional<Notice> changed(Job job) {
        if ("running".equals(job.state)) {
            begun.putIfAbsent(job.id, clock.getAsLong());
            return Optional.empty();
        }
        Long start = begun.remove(job.id);
        boolean tookLong = start != null && clock.getAsLong() - start >= LONG;
        if ("failed".equals(job.state)) {
            lastFailure = job.message;
            return Optional.of(new Notice(true, job.message));
        }
        boolean isTold = "done".equals(job.state) && ("run".equals(job.kind) || tookLong);
        return isTold ? Optional.of(new Notice(false, job.title + ": done.")) : Optional.empty();
    }

    /** Whether an error is new to the user: not of a job that they have been told of, and not of one that they cancelled. */
    public synchronized boolean isNew(String error) {
        return !error.endsWith(": it was cancelled") && !error.equals(lastFailure);
    }

    /** The server is gone, and its jobs with it. */
    public synchronized void clear() {
        begun.clear();
        lastFailure = "";
    }
}
