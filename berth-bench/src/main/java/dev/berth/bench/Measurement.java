package dev.berth.bench;

import java.util.List;

/**
 * One measure on one form of the image.
 *
 * @param image {@code SIF}, {@code folder} or {@code mounted SIF}
 * @param unit of all figures: {@code ms}, or {@code 1/s}
 */
record Measurement(
    String name, String image, String unit, List<Figure> figures, List<Comparison> comparisons) {
  Measurement {
    figures = List.copyOf(figures);
    comparisons = List.copyOf(comparisons);
  }
}
