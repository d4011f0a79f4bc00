package dev.berth.core.image;

import dev.berth.core.process.GuestBinary;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What an image is stored under.
 *
 * @param reference its canonical reference
 * @param architecture of its programs, as Linux names it
 */
public record ImageKey(String reference, ImageKind kind, String architecture) {
  private static final int READABLE = 40;
  private static final int HASH = 32;

  /** An image for this host's processor. */
  public static ImageKey of(ImageReference reference, ImageKind kind) {
    return new ImageKey(reference.text(), kind, GuestBinary.architecture());
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
