package dev.berth.services.eval;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A patch as {@code diff -u} and {@code git diff} write it, as changes of files. Texts are bytes,
 * one a char (ISO 8859-1), so that nothing is decoded on the way. Immutable.
 */
record UnifiedDiff(List<Change> changes) {
  private static final String NO_NEWLINE = "\\";

  /**
   * What becomes of one file.
   *
   * @param path below the patched folder, the first part of the patch's own taken off; where the
   *     file is renamed, its new one
   * @param from where its text comes from; null for a new file
   * @param deleted whether nothing is left of it
   * @param executable what the patch says of that; null if nothing
   */
  record Change(
      String path,
      @Nullable String from,
      boolean deleted,
      @Nullable Boolean executable,
      List<Hunk> hunks) {}

  /**
   * Lines that are replaced, with those around them; each with its newline, if it has one.
   *
   * @param line where they are thought to begin, from 0
   */
  record Hunk(int line, List<String> before, List<String> after) {}

  /** The patch is no patch, or does not fit. The message is a sentence's second half. */
  static final class Unfit extends Exception {
    private static final long serialVersionUID = 1L;

    Unfit(String message) {
      super(message, null, false, false);
    }
  }

  static UnifiedDiff parse(String patch) throws Unfit {
    return new DiffParser(patch).parse();
  }

  /** The text with the hunks' changes; each hunk at its line, else at the nearest that fits. */
  static String apply(String path, String text, List<Hunk> hunks) throws Unfit {
    List<String> lines = lines(text);
    List<String> result = new ArrayList<>();
    int done = 0;
    int shift = 0;
    for (Hunk hunk : hunks) {
      int at = find(lines, hunk, done, hunk.line + shift);
      if (at < 0) {
        throw new Unfit(
            "the lines to change near line " + (hunk.line + 1) + " of " + path + " are not there");
      }
      shift = at - hunk.line;
      result.addAll(lines.subList(done, at));
      result.addAll(hunk.after);
      done = at + hunk.before.size();
    }
    result.addAll(lines.subList(done, lines.size()));
    return String.join("", result);
  }

  private static int find(List<String> lines, Hunk hunk, int earliest, int wanted) {
    int latest = lines.size() - hunk.before.size();
    if (hunk.before.isEmpty()) {
      return wanted >= earliest && wanted <= latest ? wanted : -1;
    }
    for (int distance = 0; distance <= lines.size(); distance++) {
      for (int at : new int[] {wanted - distance, wanted + distance}) {
        if (at >= earliest
            && at <= latest
            && lines.subList(at, at + hunk.before.size()).equals(hunk.before)) {
          return at;
        }
      }
    }
    return -1;
  }

  /** The lines of a text, each with its newline, if it has one. */
  static List<String> lines(String text) {
    List<String> lines = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      int end = text.indexOf('\n', at);
      end = end < 0 ? text.length() : end + 1;
      lines.add(text.substring(at, end));
      at = end;
    }
    return lines;
  }

  static boolean isNoNewline(String line) {
    return line.startsWith(NO_NEWLINE);
  }
}
