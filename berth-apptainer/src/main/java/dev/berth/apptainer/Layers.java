package dev.berth.apptainer;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The layers that were fetched, by their digests, so that images with common ones fetch them once.
 *
 * <p>Apptainer's own cache is one folder that all its processes write to: two at once, or one that
 * is killed, leave an empty {@code index.json}, and from then on every pull of that user fails with
 * {@code unexpected end of JSON input}. So each fetch gets a cache of its own, into which what is
 * known is linked, and from which what is new is linked back once the fetch has succeeded.
 */
final class Layers {
  private static final String LAYOUT = "{\"imageLayoutVersion\":\"1.0.0\"}";
  private static final String INDEX =
      "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";

  private final Path pool;

  /** Kept in this folder. */
  Layers(Path pool) {
    this.pool = pool;
  }

  /** Makes a new folder for Apptainer to take as its cache. */
  void lendTo(Path cache) throws IOException {
    Files.createDirectories(pool);
    Path blobs = Files.createDirectories(blobs(cache));
    Files.writeString(cache.resolve("cache/blob/oci-layout"), LAYOUT);
    Files.writeString(cache.resolve("cache/blob/index.json"), INDEX);
    link(pool, blobs);
  }

  /** Keeps what a successful fetch has added. */
  void takeFrom(Path cache) throws IOException {
    link(blobs(cache), pool);
  }

  private static Path blobs(Path cache) {
    return cache.resolve("cache/blob/blobs/sha256");
  }

  private static void link(Path from, Path to) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
      for (Path file : files) {
        // Whole ones are named by 64 digits; one that is written anew is a file of its own.
        if (file.getFileName().toString().matches("[0-9a-f]{64}")) {
          try {
            Files.createLink(to.resolve(file.getFileName()), file);
          } catch (FileAlreadyExistsException e) {
            // Known: another fetch had it too.
          } catch (UnsupportedOperationException e) {
            return;
          }
        }
      }
    }
  }
}
