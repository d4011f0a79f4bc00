package dev.berth.fargate.images;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The last lines of a log, for messages. What a build prints is anybody's: it is bounded. */
final class Lines {
  private static final int MOST = 25;
  private static final int LONGEST = 500;

  private final Deque<String> tail = new ArrayDeque<>();

  /** Takes a message of one or more lines and gives them cleaned. */
  List<String> add(String message) {
    List<String> lines =
        message
            .lines()
            .map(String::stripTrailing)
            .filter(line -> !line.isEmpty())
            .map(line -> clean(line, LONGEST))
            .toList();
    for (String line : lines) {
      if (tail.size() == MOST) {
        tail.removeFirst();
      }
      tail.addLast(line);
    }
    return lines;
  }

  List<String> tail() {
    return List.copyOf(tail);
  }

  /** Without what moves a terminal's cursor, and not longer than that. */
  static String clean(String text, int longest) {
    String plain =
        text.replaceAll("(?:\u001b\\[|\u009b)[0-9;?]*[ -/]*[@-~]", "").replaceAll("\\p{Cc}", " ");
    return plain.length() <= longest ? plain : plain.substring(0, longest) + " …";
  }
}
