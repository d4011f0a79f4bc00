package dev.berth.services;

import java.nio.file.Files;
import java.nio.file.Path;

/** The image that the tests run in: an unpacked one with Python, made by the project's set-up. */
final class TestImage {
  private TestImage() {}

  static Path folder() {
    String image = System.getenv("BERTH_IMAGE");
    if (image == null || !Files.isDirectory(Path.of(image))) {
      throw new IllegalStateException(
          "BERTH_IMAGE names no image folder; run the tests with ./berth test, or: export"
              + " BERTH_IMAGE=$(sh setup/image.sh)");
    }
    return Path.of(image);
  }
}
