package dev.berth.services.swerex;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * Regular expressions, as in swe-rex, one of which ends an action; each is found as it stands too,
 * so that a prompt such as {@code (gdb) } need not be escaped to be seen. What is no expression is
 * taken as it stands only.
 */
final class Expected {
  private static final int LONGEST = 1024;
  private static final int STEPS = 20_000_000;
  private static final Pattern PLAIN = Pattern.compile("[^\\\\^$.|?*+()\\[\\]{}]+");

  private final List<String> strings;
  private final List<@Nullable Pattern> patterns;

  /** Where one of the strings was found. */
  record Match(String string, int start, int end) {}

  Expected(List<String> strings) {
    for (String string : strings) {
      if (string.isEmpty() || string.length() > LONGEST) {
        throw new SwerexException(
            Failure.OTHER,
            "Tried to expect a string of "
                + string.length()
                + " characters; it must have 1 to "
                + LONGEST
                + ".");
      }
    }
    this.strings = strings;
    this.patterns = new ArrayList<>();
    strings.forEach(string -> patterns.add(pattern(string)));
  }

  private static @Nullable Pattern pattern(String string) {
    if (PLAIN.matcher(string).matches()) {
      return null;
    }
    try {
      return Pattern.compile(string, Pattern.DOTALL);
    } catch (PatternSyntaxException e) {
      return null;
    }
  }

  boolean isEmpty() {
    return strings.isEmpty();
  }

  /** How many bytes before new output must be looked at again. */
  int overlap() {
    return 8 * LONGEST;
  }

  /** The first place in {@code text} where one is found. */
  @Nullable Match find(String text) {
    Match first = null;
    for (int i = 0; i < strings.size(); i++) {
      String string = strings.get(i);
      int at = text.indexOf(string);
      first = earlier(first, at < 0 ? null : new Match(string, at, at + string.length()));
      Pattern pattern = patterns.get(i);
      if (pattern != null) {
        Matcher matcher = pattern.matcher(new Limited(text, new int[] {STEPS}));
        if (matcher.find() && matcher.end() > matcher.start()) {
          first = earlier(first, new Match(string, matcher.start(), matcher.end()));
        }
      }
    }
    return first;
  }

  private static @Nullable Match earlier(@Nullable Match one, @Nullable Match other) {
    return one == null || (other != null && other.start() < one.start()) ? other : one;
  }

  /** A text that an expression may look at only so often: some take for ever. */
  private record Limited(CharSequence text, int[] left) implements CharSequence {
    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      if (left[0]-- < 0) {
        throw new SwerexException(
            Failure.OTHER,
            "Tried to find an expected expression in the output, but it takes too long; make it"
                + " simpler.");
      }
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.subSequence(start, end);
    }

    @Override
    public String toString() {
      return text.toString();
    }
  }
}
