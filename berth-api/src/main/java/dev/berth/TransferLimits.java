package dev.berth;

import java.time.Duration;

/**
 * What one transfer may come to before it fails with a {@link TransferException}. What a sandbox
 * sends is the sandbox's choice: without limits it could fill the host's disk, or never end.
 *
 * @param bytes of all files together, in a download. A large download also leaves 5% of the disk
 *     free, 1 GiB at most, whatever this says
 * @param entries files, folders, symlinks and what is left out, in a download
 * @param time from begin to end
 * @param silence how long nothing at all may move
 */
public record TransferLimits(long bytes, long entries, Duration time, Duration silence) {
  /** As much as the disk holds, 10 million entries, a day, a minute of silence. */
  public static final TransferLimits DEFAULT =
      new TransferLimits(Long.MAX_VALUE, 10_000_000, Duration.ofHours(24), Duration.ofMinutes(1));

  /** Checks that no limit is negative, and that there is some time. */
  public TransferLimits {
    if (bytes < 0 || entries < 0 || !time.isPositive() || !silence.isPositive()) {
      throw new RequestException(
          "Tried to limit a transfer to "
              + bytes
              + " bytes, "
              + entries
              + " entries, "
              + time
              + " and "
              + silence
              + " of silence; counts must be 0 or more, times more than zero.");
    }
  }

  /** The same with another number of bytes. */
  public TransferLimits withBytes(long bytes) {
    return new TransferLimits(bytes, entries, time, silence);
  }

  /** The same with another number of entries. */
  public TransferLimits withEntries(long entries) {
    return new TransferLimits(bytes, entries, time, silence);
  }

  /** The same with another time. */
  public TransferLimits withTime(Duration time) {
    return new TransferLimits(bytes, entries, time, silence);
  }

  /** The same with another time of silence. */
  public TransferLimits withSilence(Duration silence) {
    return new TransferLimits(bytes, entries, time, silence);
  }
}
