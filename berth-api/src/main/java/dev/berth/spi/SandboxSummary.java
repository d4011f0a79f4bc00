package dev.berth.spi;

import dev.berth.SandboxStatus;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A sandbox as a listing shows it.
 *
 * @param descriptor what {@link SandboxProvider#connect} takes
 * @param owned whether a living process holds its lease; else it runs detached
 * @param expires when its time to live ends it; absent for never
 */
public record SandboxSummary(
    String id,
    String provider,
    SandboxStatus status,
    @Nullable String image,
    Instant created,
    @Nullable Instant expires,
    boolean owned,
    Map<String, String> metadata,
    String descriptor) {
  /** Copies the labels. */
  public SandboxSummary {
    metadata = Map.copyOf(metadata);
  }
}
