package dev.berth.fargate.images;

import org.jspecify.annotations.Nullable;

/**
 * One image that somebody wants.
 *
 * @param tried for messages: what is tried
 * @param tag of the image in the repository; says all of its content
 * @param context from which it is built; null for a copy
 * @param source of which it is a copy; null if it is built
 */
record Order(String tried, String tag, @Nullable BuildContext context, @Nullable String source) {}
