package dev.berth.core.state;

import dev.berth.UnsupportedRequestException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where a user's files go: a variable of Berth's own, else that of the XDG specification, else its
 * default below the home folder.
 */
final class Places {
  private Places() {}

  static Path find(Map<String, String> env, String own, String xdg, String underHome) {
    Path chosen = absolute(env.get(own));
    if (chosen != null) {
      return chosen;
    }
    if (env.getOrDefault(own, "").length() > 0) {
      throw new UnsupportedRequestException(
          null,
          null,
          "Tried to use " + own + "=" + env.get(own) + "; it must be an absolute path.",
          null);
    }
    // XDG: relative paths are to be ignored.
    Path shared = absolute(env.get(xdg));
    if (shared != null) {
      return shared.resolve("berth");
    }
    Path home = absolute(env.getOrDefault("HOME", System.getProperty("user.home")));
    if (home == null) {
      throw new UnsupportedRequestException(
          null,
          null,
          "Tried to find a folder for Berth's files, but there is no home folder; set " + own + ".",
          null);
    }
    return home.resolve(underHome).resolve("berth");
  }

  private static @Nullable Path absolute(@Nullable String text) {
    return text != null && text.startsWith("/") ? Path.of(text).normalize() : null;
  }
}
