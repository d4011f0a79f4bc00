package dev.berth.core.state;

import dev.berth.core.process.GuestBinary;
import java.nio.file.Path;
import java.util.Map;

/**
 * The folder for what can be had again: images, the guest's program. {@code BERTH_CACHE_HOME}, else
 * {@code $XDG_CACHE_HOME/berth}, else {@code ~/.cache/berth}.
 */
public record CacheHome(Path root) {
  /** The one that this process's environment says. */
  public static CacheHome ofEnvironment() {
    return of(System.getenv());
  }

  static CacheHome of(Map<String, String> env) {
    return new CacheHome(Places.find(env, "BERTH_CACHE_HOME", "XDG_CACHE_HOME", ".cache"));
  }

  /** The guest's program for this host, extracted and verified. */
  public Path guest() {
    return GuestBinary.in(root);
  }

  /** Where images are stored. */
  public Path images() {
    return root.resolve("images");
  }
}
