package dev.berth.fargate.images;

import java.nio.file.Path;

/**
 * File names as text. How the JVM decodes them depends on the process's locale; its {@code file:}
 * URIs do not, and are always decoded as UTF-8. So names go through them.
 */
final class Names {
  /**
   * A place below which nothing can be, so that making a URI of a path there looks nowhere else.
   */
  private static final Path NOWHERE = Path.of("/dev/null");

  private static final char MALFORMED = '\ufffd';

  private Names() {}

  /** A path's text; what is not UTF-8 in it is replaced. */
  static String text(Path path) {
    if (path.toString().isEmpty()) {
      return "";
    }
    if (!path.isAbsolute()) {
      return NOWHERE.resolve(path).toUri().getPath().substring(NOWHERE.toString().length() + 1);
    }
    int depth = path.getNameCount();
    return depth == 0 ? "/" : "/" + text(path.subpath(0, depth));
  }

  /** Whether nothing was replaced. */
  static boolean isText(String name) {
    return name.indexOf(MALFORMED) < 0;
  }
}
