package dev.berth.core.config;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A YAML or JSON file of any shape, for those whose files are no block of keys. */
public final class YamlFile {
  private YamlFile() {}

  /**
   * Reads a file of at most 1 MiB into maps, lists, texts, numbers, booleans and nulls. A number's
   * text is what was written.
   *
   * @return null for an empty file
   * @throws dev.berth.RequestException if it cannot be read or is no YAML; the message names the
   *     line
   */
  public static @Nullable Object read(Path file) {
    return YamlReader.any(file.toString(), TextFile.read(file));
  }
}
