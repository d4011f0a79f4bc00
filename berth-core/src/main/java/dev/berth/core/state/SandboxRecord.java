package dev.berth.core.state;

import dev.berth.SandboxSpec;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is noted about a sandbox, for whoever takes hold of it, lists it or clears it away. It holds
 * the values of the spec's {@code env}, which every command gets: it is for this user's eyes alone,
 * and no sandbox sees its folder.
 *
 * @param expires when its time to live ends it; absent for never
 * @param detached whether it was told to outlive its owner
 * @param spec with the text of {@code files} left out: they may be large, and are written by then
 */
public record SandboxRecord(
    String id,
    String provider,
    Instant created,
    @Nullable Instant expires,
    boolean detached,
    SandboxSpec spec) {

  /** A sandbox that begins now. */
  public static SandboxRecord of(String id, String provider, SandboxSpec spec) {
    Instant now = Instant.now();
    Instant expires = spec.ttl() == null ? null : now.plus(spec.ttl());
    return new SandboxRecord(id, provider, now, expires, false, spec);
  }

  /** Detached. */
  public SandboxRecord asDetached() {
    return new SandboxRecord(id, provider, created, expires, true, spec);
  }

  /** Its identity alone. */
  @Override
  public String toString() {
    return "SandboxRecord[" + provider + " " + id + "]";
  }
}
