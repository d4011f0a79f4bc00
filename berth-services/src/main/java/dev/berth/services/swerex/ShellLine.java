package dev.berth.services.swerex;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * What is typed to a session's shell to run a command there: one list of simple commands, which the
 * shell reads to its end before it runs any of it, so that nothing is left to be read by the
 * command. It prints a mark when the shell has parsed the command, and one with the exit code at
 * its end; where the shell drops the rest of the list (an interrupt, a fatal expansion), its prompt
 * is a mark too. The command stands in braces, so that it is parsed as a whole before any of it
 * runs. Marks go to the terminal itself, wherever the session's output leads.
 */
final class ShellLine {
  /** A terminal drops what is longer than 4,095 bytes in a line. */
  private static final int LONGEST = 3000;

  /** A brace where a command could begin. */
  private static final Pattern BRACE = Pattern.compile("(?:^|[\\s;&|)])}");

  private ShellLine() {}

  /** What begins each, and, where the shell or the terminal shows it again, the show. */
  static String head(String token) {
    return ": " + token;
  }

  /** The first one, on one line, for any shell: nothing but settings. */
  static byte[] first(String token) {
    return bytes(
        start(token)
            + "[ -z \"${BASH_VERSION-}\" ]||{ set +H +o history;unset HISTFILE TMOUT MAILCHECK;};"
            + "\\printf '\\036s%s:%s\\n\\036' "
            + token
            + " \"${BASH_VERSION:+1}0\" >/dev/tty;"
            + end(token));
  }

  /**
   * One that runs {@code command}.
   *
   * @param last what {@code $?} is for it
   * @param bash whether the shell is bash
   */
  static byte[] run(String token, String command, int last, boolean bash) {
    StringBuilder line = new StringBuilder(command.length() + 400);
    line.append(start(token)).append(bash ? "\\enable eval printf unset;" : "");
    line.append("\\unset -f eval printf;\\eval '");
    if (BRACE.matcher(command).find()) {
      // The brace that closes ours would let the lines before it run.
      line.append("if false;then ");
      body(command, line, bash);
      line.append("fi\n");
    }
    line.append("\\printf \"\\036s%s:0\\n\\036\" ").append(token).append(" >/dev/tty;");
    if (last != 0) {
      line.append("(exit ").append(last).append(")||");
    }
    body(command, line, bash);
    return bytes(line.append("';").append(end(token)).toString());
  }

  /** One that only ends what was begun with this token, and makes the prompt a mark again. */
  static byte[] probe(String token) {
    return bytes("\n" + start(token) + end(token));
  }

  private static void body(String command, StringBuilder line, boolean bash) {
    line.append("{ ");
    quote(isEmpty(command) ? ":" : command, line, bash);
    // A backslash at the end would join the brace to it.
    line.append(command.endsWith("\\") ? "\n\n}\n" : "\n}\n");
  }

  private static String start(String token) {
    return " " + head(token) + ";" + prompt(token) + ";";
  }

  /** A prompt that is a mark, whatever the session made of it. */
  private static String prompt(String token) {
    return "PS1='"
        + (char) MarkScanner.RS
        + "p"
        + token
        + ":$?"
        + (char) MarkScanner.RS
        + "' PS2= PS0= PROMPT_COMMAND=";
  }

  /** The exit code is taken first, then a {@code printf} of the command's own is put aside. */
  private static String end(String token) {
    return "{ \\eval \"\\\\unset -f printf;\\\\printf '\\\\036e%s:%s\\\\n\\\\036' "
        + token
        + " $?\";} >/dev/tty 2>/dev/null;"
        + prompt(token)
        + "\n";
  }

  /** Whether the shell would find no command in it. */
  private static boolean isEmpty(String command) {
    return command
        .lines()
        .map(String::strip)
        .allMatch(line -> line.isEmpty() || line.startsWith("#"));
  }

  private static void quote(String command, StringBuilder to, boolean bash) {
    int column = to.length();
    for (int i = 0; i < command.length(); ) {
      char c = command.charAt(i);
      if (c == '\n') {
        column = to.length() + 1;
      } else if (column + LONGEST / 3 < to.length() && !Character.isLowSurrogate(c)) {
        to.append("'\\\n'");
        column = to.length();
      }
      if (isControl(c)) {
        i = control(command, i, to, bash);
      } else {
        if (c == '\'') {
          to.append("'\\''");
        } else {
          to.append(c);
        }
        i++;
      }
    }
  }

  /** What the terminal would take for a key of its own. */
  private static boolean isControl(char c) {
    return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
  }

  private static int control(String command, int from, StringBuilder to, boolean bash) {
    to.append(bash ? "'$'" : "'\"$(\\printf '");
    int at = from;
    while (at < command.length() && at - from < LONGEST / 6 && isControl(command.charAt(at))) {
      to.append(String.format("\\%03o", (int) command.charAt(at++)));
    }
    to.append(bash ? "''" : "')\"'");
    return at;
  }

  private static byte[] bytes(String line) {
    return line.getBytes(StandardCharsets.UTF_8);
  }
}
