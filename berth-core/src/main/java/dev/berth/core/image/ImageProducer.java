package dev.berth.core.image;

import java.nio.file.Path;
import java.util.function.Consumer;

/** Makes an image: pulls it, builds it, converts it. */
@FunctionalInterface
public interface ImageProducer {
  /**
   * Makes the file or folder {@code target}, which does not exist; its parent does, and is this
   * producer's alone: what else it leaves there is deleted.
   *
   * @param progress takes a line for people at any time
   * @throws dev.berth.SandboxException saying what was tried and why it failed; all who wait for
   *     this image get it
   */
  void produce(Path target, Consumer<String> progress) throws InterruptedException;
}
