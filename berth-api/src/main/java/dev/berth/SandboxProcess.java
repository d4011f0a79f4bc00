package dev.berth;

import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;

/**
 * A command that runs in a sandbox. Thread-safe; each of the three streams is for one thread at a
 * time. The streams are blocking, bounded (a reader that stops reading stops the command at a full
 * window), and throw {@link java.io.IOException} when the sandbox is lost.
 */
public interface SandboxProcess extends AutoCloseable {
  /** The command's id: what {@link Sandbox#attach} takes. */
  String id();

  /** Its process id as the sandbox sees it. */
  long pid();

  /**
   * What goes to the command's input. Closing it ends the input; on a terminal it sends end-of-file
   * (^D).
   */
  OutputStream stdin();

  /** The command's output; with a terminal, all of its output. */
  InputStream stdout();

  /** The command's error output; empty with a terminal. */
  InputStream stderr();

  /**
   * Sends a signal to the command's process group; on a terminal, to the foreground job. Does
   * nothing if it has ended.
   */
  void signal(Signal signal) throws InterruptedException;

  /**
   * Sends SIGTERM to the command and all its descendants, and SIGKILL after {@code grace}. Returns
   * at once.
   */
  void terminate(Duration grace) throws InterruptedException;

  /** Kills the command and all its descendants, daemonised ones too. Returns at once. */
  default void kill() throws InterruptedException {
    terminate(Duration.ZERO);
  }

  /**
   * Tells the terminal its new size.
   *
   * @throws UnsupportedRequestException if the command has no terminal
   */
  void resize(TerminalSize size) throws InterruptedException;

  /** Whether the command still runs, as far as this host has heard. */
  boolean isAlive();

  /** Waits for the command's end. Its output must be read meanwhile, or it may never end. */
  ProcessExit await() throws InterruptedException;

  /** Waits for the command's end, but no longer than this; empty if it still runs then. */
  Optional<ProcessExit> await(Duration atMost) throws InterruptedException;

  /**
   * Lets go of the command: kills it and its descendants if it was {@linkplain Sandbox#start
   * started}; a background command or terminal runs on.
   */
  @Override
  void close();
}
