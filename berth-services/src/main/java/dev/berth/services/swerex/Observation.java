package dev.berth.services.swerex;

import org.jspecify.annotations.Nullable;

/**
 * What came of an action in a session.
 *
 * @param exitCode absent where it was not asked for, or an expected string came first
 * @param failureReason empty, or why there is no exit code
 * @param expectString the expected string that ended it; empty if the shell's prompt did
 */
public record Observation(
    String output, @Nullable Integer exitCode, String failureReason, String expectString) {}
