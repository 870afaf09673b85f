package org.flor.pycharm.core;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A command that has ended.
 *
 * @param code its exit code
 * @param output what it printed, on both streams
 */
public record Ended(int code, String output) {
    /**
     * Run a command to its end.
     *
     * @param seconds how long it may take; then it is ended
     * @throws IOException if it cannot be started, or took longer
     */
    public static Ended run(List<String> command, Map<String, String> environment, long seconds) throws IOException {
        Path output = Files.createTempFile("flor", ".txt");
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            process.getOutputStream().close();
            if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException(Words.asTyped(command) + " took longer than " + seconds + " seconds");
            }
            return new Ended(process.exitValue(), new String(Files.readAllBytes(output), StandardCharsets.UTF_8));
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt();
            throw new IOException("it was cancelled", cancelled);
        } finally {
            Files.deleteIfExists(output);
        }
    }

    /** The last line that it printed. */
    public String lastLine() {
        String[] lines = output.strip().split("\\R");
        return lines[lines.length - 1];
    }
}
