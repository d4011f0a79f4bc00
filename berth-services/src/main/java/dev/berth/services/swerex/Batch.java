package dev.berth.services.swerex;

import dev.berth.RequestException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A file of instances and which of them are wanted. The order is SWE-agent's: first shuffled, then
 * filtered, then sliced. Immutable.
 *
 * @param file {@code .jsonl}, {@code .json}, {@code .yaml}, {@code .yml} or {@code .csv}; rows of
 *     SWE-bench ({@code repo}) and of SWE-agent ({@code repo_name}) may be mixed
 * @param filter a regular expression that matches the beginning of the ids that are wanted
 * @param slice as Python slices a list: {@code stop}, {@code start:stop} or {@code
 *     start:stop:step}; empty for all
 * @param shuffle whether the rows are sorted by id and shuffled, always the same way: the way of
 *     Python's {@code random.seed(42)}, so that a slice is the same as SWE-agent's
 */
public record Batch(Path file, String filter, String slice, boolean shuffle) {
  /** Checks. */
  public Batch {
    pattern(filter);
    Slice.parse(slice);
  }

  /** All rows of a file, in its order. */
  public static Batch of(Path file) {
    return new Batch(file, ".*", "", false);
  }

  /**
   * Reads the file, at most 256 MiB of it, and chooses.
   *
   * @throws RequestException if it cannot be read or a row is wrong; the message names the row
   */
  public List<BatchInstance> read() {
    List<BatchInstance> instances = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    BatchRows.read(
        file,
        row -> {
          BatchInstance instance = row.instance();
          if (!ids.add(instance.id())) {
            throw row.wrong("the id '" + instance.id() + "' was there before; give each its own");
          }
          instances.add(instance);
        });
    return choose(instances);
  }

  List<BatchInstance> choose(List<BatchInstance> all) {
    List<BatchInstance> instances = new ArrayList<>(all);
    if (shuffle) {
      instances.sort(Comparator.comparing(BatchInstance::id, Batch::byCodePoint));
      PythonRandom.shuffle42(instances);
    }
    Pattern wanted = pattern(filter);
    instances.removeIf(instance -> !wanted.matcher(instance.id()).lookingAt());
    return Slice.parse(slice).of(instances);
  }

  /** As Python sorts texts; Java's own order is by UTF-16 unit. */
  private static int byCodePoint(String a, String b) {
    return java.util.Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray());
  }

  private static Pattern pattern(String filter) {
    try {
      return Pattern.compile(filter);
    } catch (PatternSyntaxException e) {
      throw new RequestException(
          null,
          null,
          "Tried to filter instances by '"
              + filter
              + "', but that is no regular expression: "
              + e.getDescription()
              + ".",
          e);
    }
  }
}
