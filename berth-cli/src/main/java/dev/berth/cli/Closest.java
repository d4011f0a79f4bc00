package dev.berth.cli;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What somebody may have meant who typed something else. */
final class Closest {
  private static final int SHOWN = 3;

  private Closest() {}

  /** The likeliest of {@code known}: those that begin so, and those a slip or two away. */
  static List<String> to(String typed, Collection<String> known) {
    List<String> near = new ArrayList<>();
    int slips = Math.max(1, Math.min(3, typed.length() / 3));
    for (String candidate : known) {
      boolean begins = !typed.isEmpty() && candidate.startsWith(typed);
      if ((begins || distance(typed, candidate) <= slips) && near.size() < SHOWN) {
        near.add(candidate);
      }
    }
    return near;
  }

  /** How many letters must be put in, taken out or changed. */
  private static int distance(String from, String to) {
    int[] row = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int above = row[j];
        int change = from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1;
        row[j] = Math.min(diagonal + change, 1 + Math.min(above, row[j - 1]));
        diagonal = above;
      }
    }
    return row[to.length()];
  }
}
