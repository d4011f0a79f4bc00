package dev.berth.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The three standard streams, as bytes: nothing is buffered, decoded or replaced on the way.
 * Thread-safe as far as its streams are; a line is written whole.
 */
final class Console {
  private static final String AS_ABOVE = "(as above)";
  private static final int MOST_SHOWN = 10_000;

  private final FileInputStream in = new FileInputStream(FileDescriptor.in);
  private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
  private final FileOutputStream err = new FileOutputStream(FileDescriptor.err);
  private final boolean plain;

  /** Lines of tools that are on stderr already. */
  private final Set<String> shown = ConcurrentHashMap.newKeySet();

  /** With {@code plain} nothing is coloured. */
  Console(boolean plain) {
    this.plain = plain;
  }

  InputStream in() {
    return in;
  }

  OutputStream out() {
    return out;
  }

  OutputStream err() {
    return err;
  }

  /**
   * Writes a line, or several, to stdout.
   *
   * @throws LostOutput if it cannot be written, as nobody reads it any more or the disk is full
   */
  void print(String line) {
    try {
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw lost(1, e);
    }
  }

  /** Writes a line to stderr, {@code berth: } before it; its further lines if they are new. */
  void say(String message) {
    sayRaw("berth: " + unlessShown(message, shown) + "\n");
  }

  /** Writes a line of some tool's output to stderr; a message that quotes it need not repeat it. */
  void show(String line) {
    if (shown.size() < MOST_SHOWN) {
      shown.add(line);
    }
    sayRaw(line + "\n");
  }

  /**
   * The message with one short line for each run of lines, after its first, that were shown. It may
   * quote what came out of a sandbox or a file: nothing in it commands the terminal.
   */
  static String unlessShown(String message, Set<String> shown) {
    List<String> lines = new ArrayList<>();
    for (String line : message.lines().toList()) {
      boolean known = !lines.isEmpty() && shown.contains(Table.clean(line.strip()));
      if (!known) {
        lines.add(Table.clean(line.replace('\t', ' ')));
      } else if (!lines.get(lines.size() - 1).equals(AS_ABOVE)) {
        lines.add(AS_ABOVE);
      }
    }
    return String.join("\n", lines);
  }

  /** Writes to stderr as it is. */
  void sayRaw(String text) {
    try {
      err.write(text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      // There is nobody left to tell.
    }
  }

  boolean inIsTerminal() {
    return isTerminal(0);
  }

  boolean outIsTerminal() {
    return isTerminal(1);
  }

  boolean errIsTerminal() {
    return isTerminal(2);
  }

  /** The text in one of the terminal's colours (an SGR number) where stdout is a terminal. */
  String paint(int colour, String text) {
    return colours() ? "\u001b[" + colour + "m" + text + "\u001b[0m" : text;
  }

  /** Whether stdout shows colours, and the user wants them. */
  boolean colours() {
    return !plain && outIsTerminal();
  }

  /** Looks at where the descriptor leads: starting {@code tty} would cost more than a command. */
  private static boolean isTerminal(int descriptor) {
    return leadsToTerminal(target(descriptor));
  }

  private static boolean leadsToTerminal(String target) {
    return target.startsWith("/dev/pts/")
        || target.startsWith("/dev/tty")
        || target.equals("/dev/console");
  }

  /** Where the descriptor leads; empty if it is closed. */
  private static String target(int descriptor) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /**
   * What a failed write to stdout (1) or stderr (2) means. The JDK keeps the error's number to
   * itself; where the descriptor leads tells as much: a pipe, a socket and a terminal fail when
   * their other end is closed, a file and a device do not.
   */
  static LostOutput lost(int descriptor, IOException e) {
    String target = target(descriptor);
    if (target.startsWith("pipe:") || target.startsWith("socket:") || leadsToTerminal(target)) {
      return new LostOutput(LostOutput.CLOSED, "");
    }
    String name = descriptor == 1 ? "stdout" : "stderr";
    return new LostOutput(
        Failures.SANDBOX,
        "Tried to write to "
            + name
            + (target.isEmpty() ? "" : " (" + Table.clean(target) + ")")
            + ", but: "
            + e.getMessage()
            + "; what is there is not all.");
  }

  /** Stdout or stderr takes nothing any more. */
  static final class LostOutput extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What a shell reports of a process that SIGPIPE ended. */
    static final int CLOSED = 141;

    private final int code;

    private LostOutput(int code, String message) {
      super(message, null, false, false);
      this.code = code;
    }

    /** What this process ends with. */
    int code() {
      return code;
    }

    /** Says what was lost; of an output that its reader has closed, as head does, nothing. */
    void report(Console console) {
      String message = getMessage();
      if (message != null && !message.isEmpty()) {
        console.say(message);
      }
    }
  }
}
