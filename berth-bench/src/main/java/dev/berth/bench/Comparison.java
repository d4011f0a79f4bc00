package dev.berth.bench;

/**
 * How many times better Berth was than another contender: the ratio of the medians, and between
 * which ratios the middle 80 % of the interleaved rounds lie, each round taken by itself.
 *
 * @param target the least ratio wanted; 0 where there is none
 */
record Comparison(String against, double ratio, double low, double high, double target) {
  /** For times: the other's over Berth's. */
  static Comparison ofTimes(String against, Samples berth, Samples other, double target) {
    return of(against, other, berth, target);
  }

  /** For rates: Berth's over the other's. */
  static Comparison ofRates(String against, Samples berth, Samples other, double target) {
    return of(against, berth, other, target);
  }

  private static Comparison of(String against, Samples above, Samples below, double target) {
    double[] tops = above.medians();
    double[] bottoms = below.medians();
    double[] ratios = new double[Math.min(tops.length, bottoms.length)];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = tops[i] / bottoms[i];
    }
    return new Comparison(
        against,
        above.quantile(0.5) / below.quantile(0.5),
        Samples.quantile(ratios, 0.1),
        Samples.quantile(ratios, 0.9),
        target);
  }

  boolean hasTarget() {
    return target > 0;
  }

  boolean reached() {
    return ratio >= target;
  }
}
