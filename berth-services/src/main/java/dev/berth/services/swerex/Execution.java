package dev.berth.services.swerex;

import org.jspecify.annotations.Nullable;

/**
 * What came of a command outside any session.
 *
 * @param exitCode negative after a signal, as swe-rex has it
 */
public record Execution(String stdout, String stderr, @Nullable Integer exitCode) {}
