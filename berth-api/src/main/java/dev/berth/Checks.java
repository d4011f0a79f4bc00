package dev.berth;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Pattern;

/** The checks that several values share; each names what is allowed. */
final class Checks {
  private static final Pattern ENVIRONMENT_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  private Checks() {}

  static void environmentName(String name) {
    if (!ENVIRONMENT_NAME.matcher(name).matches()) {
      throw new RequestException(
          "Tried to set the environment variable '"
              + name
              + "'; names are letters, digits and _, and do not start with a digit.");
    }
  }

  static void absolute(String what, String path) {
    if (!path.startsWith("/")) {
      throw new RequestException(
          "Tried to use '"
              + path
              + "' as "
              + what
              + "; it must be an absolute path, starting with /.");
    }
    noNul(what, path);
  }

  static void noNul(String what, String text) {
    if (text.indexOf('\0') >= 0) {
      throw new RequestException(
          "Tried to use a text with a NUL character as " + what + "; Linux cannot pass that on.");
    }
  }

  static URI uri(String text) {
    try {
      return new URI(text);
    } catch (URISyntaxException e) {
      throw new RequestException("Tried to read '" + text + "' as a URL: " + e.getReason() + ".");
    }
  }
}
