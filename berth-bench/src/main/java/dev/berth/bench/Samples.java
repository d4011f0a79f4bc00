package dev.berth.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What one contender took, round by round. Not thread-safe. */
final class Samples {
  private final List<double[]> rounds = new ArrayList<>();

  /** One round's values. */
  void add(double... round) {
    rounds.add(round.clone());
  }

  /** How many values there are. */
  int count() {
    return rounds.stream().mapToInt(round -> round.length).sum();
  }

  /**
   * The value below or at which this share of all values lies, by nearest rank: always a value that
   * was seen.
   */
  double quantile(double share) {
    return quantile(rounds.stream().flatMapToDouble(Arrays::stream).toArray(), share);
  }

  /** The middle of each round. */
  double[] medians() {
    return rounds.stream().mapToDouble(round -> quantile(round, 0.5)).toArray();
  }

  static double quantile(double[] values, double share) {
    if (values.length == 0) {
      return Double.NaN;
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[Math.clamp((long) Math.ceil(share * sorted.length) - 1, 0, sorted.length - 1)];
  }
}
