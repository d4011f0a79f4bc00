package dev.berth.services.openhands;

import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;

/** The last ids that were seen, up to a bound. Not thread-safe. */
final class RecentIds {
  private final int most;
  private final Set<String> known = new HashSet<>();
  private final ArrayDeque<String> inOrder = new ArrayDeque<>();

  RecentIds(int most) {
    this.most = most;
  }

  /** Whether it was not known yet; it is now. */
  boolean add(String id) {
    if (!known.add(id)) {
      return false;
    }
    inOrder.add(id);
    if (inOrder.size() > most) {
      known.remove(inOrder.remove());
    }
    return true;
  }
}
