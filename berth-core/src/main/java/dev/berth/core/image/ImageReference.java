package dev.berth.core.image;

import dev.berth.RequestException;
import java.nio.file.Path;

/**
 * What a spec names as its image, told apart by its form alone: a text with {@code ://} is a URI;
 * one that starts with {@code /} or {@code .} or ends in {@code .sif} is a file or folder of this
 * host; any other is the name of an image in a registry, and gets {@code docker://} put before it.
 */
public record ImageReference(String text) {
  private static final String DOCKER = "docker://";

  /** Reads it. */
  public static ImageReference parse(String text) {
    if (text.isBlank()) {
      throw new RequestException(
          "Tried to use an empty image name; name a .sif file, a folder, a URI or an image such as"
              + " alpine:3.20.");
    }
    return new ImageReference(isUri(text) || isPath(text) ? text : DOCKER + text);
  }

  /** Whether it is a file or folder of this host. */
  public boolean local() {
    return !isUri(text);
  }

  /** The file or folder, absolute. Only if {@link #local()}. */
  public Path path() {
    if (!local()) {
      throw new IllegalStateException(text + " is no path");
    }
    return Path.of(text).toAbsolutePath().normalize();
  }

  /** The part before {@code ://}; empty for a path. */
  public String scheme() {
    return local() ? "" : text.substring(0, text.indexOf("://"));
  }

  @Override
  public String toString() {
    return text;
  }

  private static boolean isUri(String text) {
    return text.contains("://");
  }

  private static boolean isPath(String text) {
    return text.startsWith("/") || text.startsWith(".") || text.endsWith(".sif");
  }
}
