package dev.berth;

import java.time.Duration;

/**
 * A command of a sandbox, as its guest lists it.
 *
 * @param id what {@link Sandbox#attach} takes
 * @param pid its process id as the sandbox sees it
 * @param program its first argument
 * @param age time since it started
 */
public record ProcessSummary(
    String id,
    long pid,
    String program,
    boolean running,
    boolean background,
    boolean terminal,
    Duration age) {}
