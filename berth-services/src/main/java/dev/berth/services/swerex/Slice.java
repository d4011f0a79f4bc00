package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A part of a list, as Python slices: negative numbers count from the end, a step may go back. */
record Slice(@Nullable Integer start, @Nullable Integer stop, int step) {
  static Slice parse(String text) {
    if (text.isEmpty()) {
      return new Slice(null, null, 1);
    }
    String[] parts = text.split(":", -1);
    @Nullable Integer[] numbers = new Integer[3];
    for (int i = 0; i < parts.length; i++) {
      if (i == 3 || !parts[i].isBlank() && !parts[i].strip().matches("[+-]?\\d{1,9}")) {
        throw wrong(text);
      }
      numbers[i] = parts[i].isBlank() ? null : Integer.valueOf(parts[i].strip());
    }
    Integer step = numbers[2];
    if (step != null && step == 0) {
      throw wrong(text);
    }
    return parts.length == 1
        ? new Slice(null, numbers[0], 1)
        : new Slice(numbers[0], numbers[1], step == null ? 1 : step);
  }

  <T> List<T> of(List<T> all) {
    int size = all.size();
    int lowest = step > 0 ? 0 : -1;
    int highest = step > 0 ? size : size - 1;
    int from = bound(start, size, lowest, highest, step > 0 ? lowest : highest);
    int to = bound(stop, size, lowest, highest, step > 0 ? highest : lowest);
    List<T> part = new ArrayList<>();
    for (int i = from; step > 0 ? i < to : i > to; i += step) {
      part.add(all.get(i));
    }
    return part;
  }

  private static int bound(
      @Nullable Integer given, int size, int lowest, int highest, int otherwise) {
    if (given == null) {
      return otherwise;
    }
    return Math.clamp(given < 0 ? (long) given + size : given, lowest, highest);
  }

  private static RequestException wrong(String text) {
    return new RequestException(
        "Tried to take the slice '"
            + text
            + "' of the instances; allowed is stop, start:stop or start:stop:step with whole"
            + " numbers, as Python slices a list.");
  }
}
