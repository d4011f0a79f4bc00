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

/**
 * The three standard streams, as bytes: nothing is buffered, decoded or replaced on the way.
 * Thread-safe as far as its streams are; a line is written whole.
 */
final class Console {
  private final FileInputStream in = new FileInputStream(FileDescriptor.in);
  private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
  private final FileOutputStream err = new FileOutputStream(FileDescriptor.err);
  private final boolean plain;

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
   * @throws ClosedOutput if nobody reads it any more
   */
  void print(String line) {
    try {
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new ClosedOutput();
    }
  }

  /** Writes a line to stderr, {@code berth: } before it. */
  void say(String message) {
    sayRaw("berth: " + message + "\n");
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
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }

  /** Whoever read this process's stdout has closed it, as {@code head} does: the end, quietly. */
  static final class ClosedOutput extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What a shell reports of a process that SIGPIPE ended. */
    static final int CODE = 141;

    ClosedOutput() {
      super("stdout is closed", null, false, false);
    }
  }
}
