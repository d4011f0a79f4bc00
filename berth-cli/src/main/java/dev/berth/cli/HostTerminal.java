package dev.berth.cli;

import dev.berth.TerminalSize;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The terminal that this process runs on, made raw where asked for, so that every key goes to the
 * sandbox; closing it, or the end of this process but for SIGKILL, restores it. Uses {@code stty},
 * which is part of coreutils and so everywhere: the JDK has nothing for it.
 */
final class HostTerminal implements AutoCloseable {
  private static final File TERMINAL = new File("/dev/tty");

  private final boolean keys;
  private final @Nullable String saved;
  private final Thread hook;

  private HostTerminal(boolean keys, @Nullable String saved) {
    this.keys = keys;
    this.saved = saved;
    this.hook = new Thread(this::restore, "berth-terminal");
  }

  /** Takes it; with {@code keys} in raw mode. */
  static HostTerminal take(boolean keys) {
    String saved = keys ? stty("-g") : null;
    HostTerminal terminal = new HostTerminal(keys, saved);
    if (saved != null) {
      Runtime.getRuntime().addShutdownHook(terminal.hook);
      stty("raw", "-echo");
    }
    return terminal;
  }

  /** Whether keys go to the sandbox. */
  boolean keys() {
    return keys;
  }

  /** Its size now; the usual one where it has none. */
  TerminalSize size() {
    String size = stty("size");
    int space = size == null ? -1 : size.indexOf(' ');
    if (size != null && space > 0) {
      try {
        return new TerminalSize(
            Integer.parseInt(size.substring(0, space)),
            Integer.parseInt(size.substring(space + 1)));
      } catch (RuntimeException e) {
        // Some terminals say 0 0.
      }
    }
    return TerminalSize.DEFAULT;
  }

  @Override
  public void close() {
    if (saved != null) {
      restore();
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // This process is ending, and the hook has run or will.
      }
    }
  }

  private void restore() {
    if (saved != null) {
      stty(saved);
    }
  }

  /** Null where there is no terminal, or it is gone. */
  private static @Nullable String stty(String... arguments) {
    String[] words = new String[arguments.length + 1];
    words[0] = "stty";
    System.arraycopy(arguments, 0, words, 1, arguments.length);
    // What interrupts this process must not leave the terminal raw.
    boolean interrupted = Thread.interrupted();
    try {
      Process process =
          new ProcessBuilder(words)
              .redirectInput(TERMINAL)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (var out = process.getInputStream()) {
        String text = new String(out.readNBytes(4096), StandardCharsets.US_ASCII).strip();
        return process.waitFor(5, TimeUnit.SECONDS) && process.exitValue() == 0 ? text : null;
      }
    } catch (IOException e) {
      return null;
    } catch (InterruptedException e) {
      interrupted = true;
      return null;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
