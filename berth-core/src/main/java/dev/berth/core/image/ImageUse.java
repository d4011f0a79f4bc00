package dev.berth.core.image;

import dev.berth.core.state.Lease;
import dev.berth.core.state.SandboxFolder;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The right to use one version of a stored image: it is not deleted until this is closed or this
 * process ends. Thread-safe.
 */
public final class ImageUse implements AutoCloseable {
  private final ImageEntry entry;
  private final String version;
  private final Lease lease;

  ImageUse(ImageEntry entry, String version, Lease lease) {
    this.entry = entry;
    this.version = version;
    this.lease = lease;
  }

  /** The file or folder. */
  public Path path() {
    return entry.path(version);
  }

  /**
   * Keeps the image for as long as this sandbox's folder exists, also after this process's end.
   * Then this use may be closed.
   */
  public void keepFor(SandboxFolder sandbox) {
    try {
      entry.keepFor(version, sandbox);
    } catch (IOException e) {
      throw ImageStore.failed("note that sandbox " + sandbox.id() + " uses an image", e);
    }
  }

  @Override
  public void close() {
    lease.delete();
  }
}
