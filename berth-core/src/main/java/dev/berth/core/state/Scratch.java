package dev.berth.core.state;

import java.nio.file.Path;

/**
 * A folder of this user's alone for what a process needs for a while. It belongs to whoever made
 * it, and goes when it is closed; what a killed process leaves goes with the next {@code berth}, as
 * a half-made sandbox does.
 */
public final class Scratch implements AutoCloseable {
  private final SandboxFolder folder;
  private final Path path;

  private Scratch(SandboxFolder folder) {
    this.folder = folder;
    // Empty, and of a name that no other has.
    this.path = folder.folder("scratch-" + folder.id());
  }

  /**
   * Makes one in the state home that this process's environment says.
   *
   * @throws dev.berth.CreateException if it could not be made
   */
  public static Scratch make() {
    SandboxFolder folder = StateHome.ofEnvironment().create("");
    boolean made = false;
    try {
      Scratch scratch = new Scratch(folder);
      made = true;
      return scratch;
    } finally {
      if (!made) {
        folder.release();
      }
    }
  }

  /** Where it is; empty at first. */
  public Path path() {
    return path;
  }

  /**
   * Deletes it with all in it; links are not followed. What cannot be deleted is left to the
   * reaper.
   */
  @Override
  public void close() {
    folder.delete(FolderRemoval.with(CacheHome.ofEnvironment()));
  }
}
