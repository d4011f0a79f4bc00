package dev.berth.bench;

/**
 * What one contender showed in one measure: quantiles of all its samples, in the measure's unit.
 */
record Figure(String contender, int samples, double p10, double p50, double p90, double p99) {
  static Figure of(String contender, Samples samples) {
    return new Figure(
        contender,
        samples.count(),
        samples.quantile(0.1),
        samples.quantile(0.5),
        samples.quantile(0.9),
        samples.quantile(0.99));
  }
}
