package dev.berth.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs contenders in turn, round by round, and times each operation: what disturbs the machine for
 * a while disturbs all of them. Every other round goes backwards, so that none always follows the
 * same one.
 */
final class Rounds {
  /** One operation. */
  interface Operation {
    void run() throws InterruptedException;
  }

  /**
   * A contender's part.
   *
   * @param perRound operations in a round
   * @param timed what is measured
   * @param after what is done after each operation, not measured
   */
  record Part(String contender, int perRound, Operation timed, Operation after) {
    Part(String contender, int perRound, Operation timed) {
      this(contender, perRound, timed, () -> {});
    }
  }

  private static final double NANOS_PER_MILLI = 1e6;

  private Rounds() {}

  /** Milliseconds, by contender. */
  static Map<String, Samples> run(int warmUp, int rounds, List<Part> parts)
      throws InterruptedException {
    for (Part part : parts) {
      int operations = part.perRound() > 1 ? warmUp * part.perRound() : Math.max(2, warmUp / 10);
      for (int i = 0; i < operations; i++) {
        once(part);
      }
    }
    Map<String, Samples> samples = new LinkedHashMap<>();
    parts.forEach(part -> samples.put(part.contender(), new Samples()));
    List<Part> backwards = new ArrayList<>(parts).reversed();
    for (int round = 0; round < rounds; round++) {
      for (Part part : round % 2 == 0 ? parts : backwards) {
        double[] millis = new double[part.perRound()];
        for (int i = 0; i < millis.length; i++) {
          millis[i] = once(part);
        }
        Samples of = samples.get(part.contender());
        if (of != null) {
          of.add(millis);
        }
      }
    }
    return samples;
  }

  private static double once(Part part) throws InterruptedException {
    double millis = millis(part.timed());
    part.after().run();
    return millis;
  }

  static double millis(Operation operation) throws InterruptedException {
    long start = System.nanoTime();
    operation.run();
    return (System.nanoTime() - start) / NANOS_PER_MILLI;
  }
}
