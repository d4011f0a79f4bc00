package dev.berth.spi;

import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * The ability of a provider to get images ready before a sandbox asks for them. A {@link
 * SandboxProvider} that has it implements this too. Thread-safe.
 */
public interface ImageSource {
  /**
   * Fetches an image anew into the store, just as a sandbox of it would want it.
   *
   * @param progress takes lines for people, from any thread
   * @return the file or folder
   * @throws dev.berth.CreateException if it could not be fetched; an older one is still there
   */
  Path pull(String image, Consumer<String> progress) throws InterruptedException;

  /**
   * Builds an image from a definition file: a {@code .sif} file if {@code target} is named so, else
   * an unpacked folder. {@code target} must not exist; it appears whole or not at all.
   *
   * @throws dev.berth.CreateException if it could not be built
   */
  void build(Path definition, Path target, Consumer<String> progress) throws InterruptedException;
}
