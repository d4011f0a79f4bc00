package dev.berth.core.guest;

import dev.berth.TransferLimits;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What is left of a download's limits, and of the disk it goes to. Everything is counted before it
 * is made. For one thread.
 */
final class Allowance {
  /** So much may come before the disk is looked at again. */
  private static final long UNSEEN = 64L << 20;

  private static final long MOST_RESERVED = 1L << 30;
  private static final int RESERVED_PART = 20;

  private final TransferLimits limits;
  private final Path folder;
  private long entries;
  private long bytes;
  private long unseen;

  /** Of a download into this folder. */
  Allowance(TransferLimits limits, Path folder) {
    this.limits = limits;
    this.folder = folder;
  }

  /** Counts one more entry. */
  void entry() throws TreeStream.EntryException {
    if (++entries > limits.entries()) {
      throw beyond("more than " + limits.entries() + " files, folders and links");
    }
  }

  /** Counts the bytes of a file that is to come. */
  void file(long size) throws IOException {
    if (size > limits.bytes() - bytes) {
      throw beyond("more than " + limits.bytes() + " bytes");
    }
    bytes += size;
    if (size < UNSEEN - unseen) {
      unseen += size;
      return;
    }
    unseen = 0;
    FileStore store = Files.getFileStore(folder);
    long reserve = Math.min(MOST_RESERVED, store.getTotalSpace() / RESERVED_PART);
    long free = store.getUsableSpace() - reserve;
    if (size > free) {
      throw new TreeStream.EntryException(
          "the sandbox sends a file of "
              + size
              + " bytes, and '"
              + folder
              + "' has room for "
              + Math.max(0, free)
              + ". Choose another disk",
          new IOException());
    }
  }

  private static TreeStream.EntryException beyond(String what) {
    return new TreeStream.EntryException(
        "the sandbox sends "
            + what
            + ", the limit of this download. If that is right, give it larger TransferLimits.",
        new IOException());
  }
}
