package dev.berth.cli;

import dev.berth.ErrorType;
import dev.berth.ProcessExit;
import dev.berth.SandboxProcess;
import dev.berth.Signal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A command in a sandbox joined to this process: its streams are passed on as they come, byte for
 * byte, signals go to it, and its end is this process's. The caller closes the process.
 */
final class Attachment implements Signals.Receiver {
  private static final int CHUNK = 1 << 16;
  private static final Duration GRACE = Duration.ofSeconds(2);

  private final SandboxProcess process;
  private final Shell shell;
  private final boolean stdin;
  private final @Nullable HostTerminal terminal;
  private volatile Console.@Nullable LostOutput lost;

  private Attachment(
      SandboxProcess process, Shell shell, boolean stdin, @Nullable HostTerminal terminal) {
    this.process = process;
    this.shell = shell;
    this.stdin = stdin;
    this.terminal = terminal;
  }

  /** With stdout and stderr apart. */
  static Attachment piped(SandboxProcess process, boolean stdin, Shell shell) {
    return new Attachment(process, shell, stdin, null);
  }

  /** With all output on stdout, and the size of this terminal. */
  static Attachment onTerminal(SandboxProcess process, HostTerminal terminal, Shell shell) {
    return new Attachment(process, shell, terminal.keys(), terminal);
  }

  /** Stays until the command has ended and its output is written. Returns its exit code. */
  int stay() throws InterruptedException {
    shell.signals().sendTo(this);
    ProcessExit exit;
    try {
      startInput();
      Thread errors = null;
      if (terminal == null) {
        errors = daemon("stderr", () -> pass(2, process.stderr(), shell.console().err()));
      }
      pass(1, process.stdout(), shell.console().out());
      if (errors != null) {
        errors.join();
      }
      exit = process.await();
      if (terminal != null) {
        // A terminal's command is a background one, which its handle does not end.
        process.kill();
      }
    } finally {
      shell.signals().shield();
    }
    if (terminal != null) {
      terminal.close();
    }
    Console.LostOutput failed = lost;
    if (failed != null) {
      throw failed;
    }
    report(exit);
    return exit.returnCode();
  }

  private void startInput() {
    if (stdin) {
      daemon("stdin", this::input);
      return;
    }
    if (terminal == null) {
      try {
        process.stdin().close();
      } catch (IOException e) {
        // It is lost; its output and its end say so.
      }
    }
  }

  /** Ends with the input, or when the command takes no more; else with this process. */
  private void input() {
    try (OutputStream to = process.stdin()) {
      copy(shell.console().in(), to);
    } catch (IOException e) {
      // The command has closed its input or is gone.
    }
  }

  /**
   * Passes output on until its end. An output of ours that takes no more ends the command; what it
   * printed before that is still read, as its end comes after it.
   */
  private void pass(int descriptor, InputStream from, OutputStream to) {
    byte[] chunk = new byte[CHUNK];
    try {
      for (int n = from.read(chunk); n >= 0; n = from.read(chunk)) {
        if (lost == null && !write(descriptor, to, chunk, n)) {
          process.kill();
        }
      }
    } catch (IOException e) {
      // The sandbox is lost; the command's end says so.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean write(int descriptor, OutputStream to, byte[] bytes, int length) {
    try {
      to.write(bytes, 0, length);
      return true;
    } catch (IOException e) {
      lost = Console.lost(descriptor, e);
      return false;
    }
  }

  private static void copy(InputStream from, OutputStream to) throws IOException {
    byte[] chunk = new byte[CHUNK];
    for (int n = from.read(chunk); n >= 0; n = from.read(chunk)) {
      to.write(chunk, 0, n);
      to.flush();
    }
  }

  private void report(ProcessExit exit) {
    ErrorType error = exit.errorType();
    if (error == null) {
      if (!exit.detail().isEmpty()) {
        shell.console().say(exit.detail());
      }
      return;
    }
    String what =
        switch (error) {
          case TIMEOUT -> "the command ran out of time and was killed after ";
          case SANDBOX -> "the sandbox was lost; the command has no result after ";
          case PTY -> "the terminal was lost; the command has no result after ";
        };
    String detail = exit.detail().isEmpty() ? "" : ": " + exit.detail();
    shell.console().say(what + Durations.show(exit.duration()) + detail);
  }

  @Override
  public void got(Signal signal) throws InterruptedException {
    if (terminal == null) {
      process.signal(signal);
    } else if (signal == Signal.WINCH) {
      process.resize(terminal.size());
    } else if (signal == Signal.TERM || signal == Signal.HUP) {
      // An interactive shell would not mind either; but whoever sends it means the whole session.
      process.terminate(GRACE);
    } else {
      process.signal(signal);
    }
  }

  @Override
  public void kill() throws InterruptedException {
    process.kill();
  }

  private static Thread daemon(String name, Runnable work) {
    // A platform thread: it spends its life in a read that would pin a virtual one.
    Thread thread = new Thread(work, "berth-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
