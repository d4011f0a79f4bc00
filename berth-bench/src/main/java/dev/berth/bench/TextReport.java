package dev.berth.bench;

import java.util.Locale;

/** The report for people. */
final class TextReport {
  private static final String ROW = "  %-38s %9s %9s %9s %9s %6s%n";

  private TextReport() {}

  static String of(Result result) {
    StringBuilder text = new StringBuilder();
    Machine machine = result.machine();
    line(
        text,
        "%s, %d cores, %d MiB; Linux %s; Apptainer %s; Java %s; %s; load %s; %s%n",
        machine.cpu(),
        machine.cores(),
        machine.memoryMib(),
        machine.kernel(),
        machine.apptainer(),
        machine.jdk(),
        machine.user(),
        machine.load(),
        machine.date());
    line(text, "Warm-up, %s.%n", result.warmUp());
    line(
        text,
        "Took %.0f s%s. Ratios are of medians; in brackets p10 to p90 of the interleaved rounds. The p99 of fewer than 100 samples is their maximum.%n",
        result.seconds(),
        result.quick() ? " (--quick: few samples)" : "");
    for (Measurement measurement : result.measurements()) {
      text.append(System.lineSeparator());
      measurement(text, measurement);
    }
    Alive alive = result.alive();
    if (alive != null) {
      text.append(System.lineSeparator());
      alive(text, alive);
    }
    return text.toString().stripTrailing();
  }

  private static void measurement(StringBuilder text, Measurement measurement) {
    line(
        text,
        ROW,
        measurement.name() + ", " + measurement.image(),
        "p10",
        "p50",
        "p90",
        "p99",
        "n");
    for (Figure figure : measurement.figures()) {
      line(
          text,
          ROW,
          "  " + figure.contender(),
          number(figure.p10(), measurement.unit()),
          number(figure.p50(), measurement.unit()),
          number(figure.p90(), measurement.unit()),
          number(figure.p99(), measurement.unit()),
          figure.samples());
    }
    for (Comparison comparison : measurement.comparisons()) {
      line(
          text,
          "    %s× against %s [%s–%s]%s%n",
          ratio(comparison.ratio()),
          comparison.against(),
          ratio(comparison.low()),
          ratio(comparison.high()),
          verdict(comparison));
    }
  }

  private static String verdict(Comparison comparison) {
    if (!comparison.hasTarget()) {
      return "";
    }
    return ", target ≥ " + ratio(comparison.target()) + "×: " + verdict(comparison.reached());
  }

  private static String verdict(boolean reached) {
    return reached ? "reached" : "MISSED";
  }

  private static void alive(StringBuilder text, Alive alive) {
    line(text, "  %d sandboxes alive, for each%n", alive.sandboxes());
    line(
        text,
        "    guest and helpers (PSS)   %9.0f KiB   %d processes in all%n",
        alive.guestKib(),
        alive.guestProcesses());
    line(text, "    Java heap in use          %9.0f KiB%n", alive.heapKib());
    line(text, "    direct buffers            %9.0f KiB%n", alive.directKib());
    line(text, "    growth of the JVM (RSS)   %9.0f KiB%n", alive.residentKib());
    line(
        text,
        "    in all                    %9.0f KiB   target ≤ %.0f KiB: %s%n",
        alive.totalKib(),
        Alive.TARGET_KIB,
        verdict(alive.memoryReached()));
    line(text, "    Apptainer's own (PSS)     %9.0f KiB   not counted%n", alive.apptainerKib());
    line(
        text,
        "    platform threads          %d before, %d with all alive; none for each sandbox: %s%n",
        alive.threadsBefore(),
        alive.threadsAlive(),
        verdict(alive.threadsReached()));
  }

  private static String number(double value, String unit) {
    return String.format(
        Locale.ROOT, value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s", value, unit);
  }

  private static String ratio(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.0f", value);
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values));
  }
}
