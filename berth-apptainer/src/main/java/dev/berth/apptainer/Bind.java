package dev.berth.apptainer;

import dev.berth.RequestException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * A file or folder of this host that is seen in a sandbox, as {@code apptainer --bind} takes it:
 * {@code host[:container[:options]]}. Its source is Apptainer's manual.
 *
 * @param text all of it
 * @param source the path on this host, absolute
 */
public record Bind(String text, Path source) {
  /** All that Apptainer 1.4 takes as an option of a bind. */
  private static final Pattern OPTIONS =
      Pattern.compile("(ro|rw|image-src=[^,:]+|id=\\d+)(,(ro|rw|image-src=[^,:]+|id=\\d+))*");

  /**
   * Reads one. Whether there is such a file is not looked at.
   *
   * @throws RequestException if Apptainer would not take it, or would take it for two
   */
  public static Bind parse(String text) {
    String[] parts = text.split(":", -1);
    String wrong =
        parts.length > 3
            ? "it has more than three parts"
            : !absolute(parts[0]) || (parts.length > 1 && !absolute(parts[1]))
                ? "its paths must be absolute, and have no comma"
                : parts.length > 2 && !OPTIONS.matcher(parts[2]).matches()
                    ? "'" + parts[2] + "' is none of the options ro, rw, image-src=PATH and id=N"
                    : text.indexOf('\0') >= 0 ? "it has a NUL character" : "";
    if (!wrong.isEmpty()) {
      throw new RequestException(
          "Tried to bind '"
              + text.replace("\0", "\\0")
              + "', but "
              + wrong
              + "; write host:container[:options], or one path for both.");
    }
    return new Bind(text, Path.of(parts[0]));
  }

  /** Apptainer takes what follows a comma for another bind. */
  private static boolean absolute(String path) {
    return path.startsWith("/") && path.indexOf(',') < 0;
  }

  /**
   * Does nothing if the source is there.
   *
   * @throws RequestException if it is not
   */
  public Bind requireSource() {
    if (!Files.exists(source)) {
      throw new RequestException(
          "Tried to bind '" + text + "', but there is no " + source + " on this host.");
    }
    return this;
  }
}
