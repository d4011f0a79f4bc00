package dev.berth.bench;

import java.nio.file.Path;

/** A way of running sandboxes. Closing it ends what is left. */
interface Contender extends AutoCloseable {
  /** Its name in the report. */
  String name();

  /** A new sandbox of this image, once it can be used. */
  Box create(Path image) throws InterruptedException;

  @Override
  void close();
}
