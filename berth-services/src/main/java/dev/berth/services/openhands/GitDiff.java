package dev.berth.services.openhands;

import org.jspecify.annotations.Nullable;

/**
 * A file's two states.
 *
 * @param original as the repository has it; null if it does not
 * @param modified as it is now; null if it is gone
 */
public record GitDiff(@Nullable String original, @Nullable String modified) {}
