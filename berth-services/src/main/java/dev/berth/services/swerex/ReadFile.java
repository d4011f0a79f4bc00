package dev.berth.services.swerex;

/**
 * A text file to read.
 *
 * @param encoding the name of a charset
 * @param errors what becomes of bytes that are none of it: {@code strict}, {@code replace} or
 *     {@code ignore}
 */
public record ReadFile(String path, String encoding, String errors) {
  /** In UTF-8, refusing what is not. */
  public static ReadFile of(String path) {
    return new ReadFile(path, "UTF-8", "strict");
  }
}
