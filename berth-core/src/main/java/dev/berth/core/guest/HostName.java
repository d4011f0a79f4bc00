package dev.berth.core.guest;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * File names as bytes. A name need not be text in any encoding, and the JVM's decoding of names
 * depends on its locale and loses what it cannot decode; its {@code file:} URIs do not. So names go
 * through them, and survive a round trip whatever they are.
 */
final class HostName {
  /**
   * A place below which nothing can be, so that making a URI of a path there looks nowhere else.
   */
  private static final Path NOWHERE = Path.of("/dev/null");

  private static final Path ROOT = Path.of("/");

  private HostName() {}

  /** The bytes of one path component, or of a symlink's text. */
  static byte[] bytes(Path path) {
    boolean absolute = path.isAbsolute();
    if (absolute && path.getNameCount() == 0) {
      return new byte[] {'/'};
    }
    Path relative = absolute ? path.subpath(0, path.getNameCount()) : path;
    String raw = NOWHERE.resolve(relative).toUri().getRawPath();
    byte[] decoded = decode(raw.substring(NOWHERE.toString().length() + 1));
    if (!absolute) {
      return decoded;
    }
    byte[] bytes = new byte[decoded.length + 1];
    bytes[0] = '/';
    System.arraycopy(decoded, 0, bytes, 1, decoded.length);
    return bytes;
  }

  /** A path of one component out of its bytes, which were {@linkplain #isComponent checked}. */
  static Path component(byte[] name) {
    return ROOT.resolve(path(name)).getFileName();
  }

  /** A symlink's text out of its bytes: not empty, without NUL. */
  static Path path(byte[] text) {
    boolean absolute = text[0] == '/';
    StringBuilder uri = new StringBuilder("file:///");
    for (int i = absolute ? 1 : 0; i < text.length; i++) {
      uri.append('%').append(Character.forDigit((text[i] >> 4) & 15, 16));
      uri.append(Character.forDigit(text[i] & 15, 16));
    }
    Path path = Path.of(URI.create(uri.toString()));
    return absolute ? path : path.subpath(0, path.getNameCount());
  }

  /** Whether these bytes are one path component: nothing that leads up, down or away. */
  static boolean isComponent(byte[] name) {
    if (name.length == 0 || name.length > 255) {
      return false;
    }
    for (byte b : name) {
      if (b == '/' || b == 0) {
        return false;
      }
    }
    return !(name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.')));
  }

  /** For people: malformed UTF-8 and control characters are replaced. */
  static String show(byte[] name) {
    return new String(name, StandardCharsets.UTF_8)
        .replaceAll("[\\p{Cntrl}\\x{80}-\\x{9f}]", "\ufffd");
  }

  private static byte[] decode(String raw) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(raw.length());
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c == '%') {
        bytes.write(Integer.parseInt(raw, i + 1, i + 3, 16));
        i += 2;
      } else {
        bytes.write(c);
      }
    }
    return bytes.toByteArray();
  }
}
