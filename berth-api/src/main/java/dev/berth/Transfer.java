package dev.berth;

import java.util.List;

/**
 * What a transfer moved.
 *
 * @param skipped entries that are neither file, folder nor symlink (FIFOs, sockets, devices), by
 *     their path below the root; at most 1,000 of them are named
 */
public record Transfer(long files, long folders, long symlinks, long bytes, List<String> skipped) {
  /** Copies the list. */
  public Transfer {
    skipped = List.copyOf(skipped);
  }
}
