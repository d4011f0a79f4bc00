package dev.berth.core.image;

import java.nio.file.Path;
import java.time.Instant;

/**
 * An image in the store.
 *
 * @param path the file or folder; only for looking: hold an {@link ImageUse} to rely on it
 * @param bytes its size on disk, counted when it was stored
 * @param inUse whether a process or a sandbox uses this version of it
 */
public record StoredImage(
    ImageKey key, Path path, long bytes, Instant created, Instant lastUsed, boolean inUse) {}
