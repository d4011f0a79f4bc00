package dev.berth.services.swerex;

import org.jspecify.annotations.Nullable;

/**
 * What came of an action in a session.
 *
 * @param output without terminal escapes, lines ended by LF; bytes that are no UTF-8 as {@code
 *     \\xff}
 * @param exitCode absent where it was not asked for (an interrupt, an interactive program, {@link
 *     Check#IGNORE}), where an expected string came first, or where it could not be had
 * @param failureReason empty, or why there is no exit code
 * @param expectString the one of {@code expect} that ended it, as it was given; empty if the
 *     shell's prompt did
 */
public record Observation(
    String output, @Nullable Integer exitCode, String failureReason, String expectString) {}
