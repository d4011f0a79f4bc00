package dev.berth.core.image;

import dev.berth.core.process.GuestBinary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/**
 * What an image is stored under.
 *
 * @param reference its canonical reference
 * @param architecture of its programs, as Linux names it
 */
public record ImageKey(String reference, ImageKind kind, String architecture) {
  private static final String FILE = "file://";
  private static final String STATE = "?size=";
  private static final int READABLE = 40;
  private static final int HASH = 32;

  /** An image for this host's processor. */
  public static ImageKey of(ImageReference reference, ImageKind kind) {
    return new ImageKey(reference.text(), kind, GuestBinary.architecture());
  }

  /**
   * What is unpacked of a file of this host in its present state: another file of that name, or a
   * changed one, has another key.
   */
  public static ImageKey unpackedOf(Path file) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    String reference =
        FILE
            + real(file)
            + STATE
            + attributes.size()
            + "&modified="
            + attributes.lastModifiedTime().toInstant()
            + "&file="
            + attributes.fileKey();
    return of(new ImageReference(reference), ImageKind.FOLDER);
  }

  /** The file that it was unpacked of; empty if it came from elsewhere. */
  public Optional<Path> file() {
    int end = reference.lastIndexOf(STATE);
    return reference.startsWith(FILE) && end > 0
        ? Optional.of(Path.of(reference.substring(FILE.length(), end)))
        : Optional.empty();
  }

  /** Its name for people: the file that it was unpacked of, else its reference. */
  public String name() {
    return file().map(Path::toString).orElse(reference);
  }

  /** Without symlinks, as far as it is there: a file may be gone before what was unpacked of it. */
  static Path real(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      Path parent = file.toAbsolutePath().normalize().getParent();
      return parent == null ? file : real(parent).resolve(file.getFileName());
    }
  }

  /** A file name that no other key has: something to recognise it by, and 128 bits of a hash. */
  String fileName() {
    String readable =
        reference
            .replaceFirst("^[a-z0-9]+://", "")
            .replaceAll("[^A-Za-z0-9._-]+", "_")
            .replaceFirst("^[._-]+", "");
    if (readable.length() > READABLE) {
      readable = readable.substring(readable.length() - READABLE);
    }
    return readable + "~" + hash(reference + "\n" + kind + "\n" + architecture);
  }

  private static String hash(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest).substring(0, HASH);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
