package dev.berth.services.swerex;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.ProcessExit;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxProcess;
import dev.berth.Signal;
import dev.berth.TerminalSize;
import dev.berth.Terminals;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * A shell on a terminal of its own in a sandbox: bash where there is one, else sh. It is typed to
 * and read from. Thread-safe. Whoever opened it closes it.
 */
final class SessionShell {
  /** Wide enough that programs which look at it seldom fold or shorten their lines. */
  private static final TerminalSize SIZE = new TerminalSize(50, 200);

  /** What is shorter is taken by the guest at once. */
  private static final int WITHOUT_WAITING = 16 << 10;

  private static final int CHUNK = 1 << 16;
  private static final Duration END_WITHIN = Duration.ofSeconds(5);
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Says when the terminal is set, so that nothing is typed, and shown, before. */
  private static final String STARTER =
      "stty -echo -onlcr 2>/dev/null;unset PS1 PS2 PROMPT_COMMAND;"
          + "printf '\\036s%s:0\\n\\036' \"$1\";"
          + "command -v bash >/dev/null && exec bash --noediting -i;"
          + "exec sh -i";

  /** How long a shell may take from one job of a list to the next. */
  private static final Duration JOB_STARTS_WITHIN = Duration.ofMillis(100);

  private static final Duration LOOK_EVERY = Duration.ofMillis(5);

  /** The state's fields after the name begin with the third; the job's group is the eighth. */
  private static final String JOB =
      "read -r line <\"/proc/$1/stat\" && set -- \"$1\" x ${line##*) } && [ \"$8\" -gt 1 ] && [ \"$8\" != \"$1\" ] && ";

  private static final String INTERRUPT_JOB = JOB + "kill -s INT -- \"-$8\"";

  /** Some systems sleep for whole seconds only. */
  private static final String HOLD =
      "kill -s STOP \"$1\" && { sleep 0.01 2>/dev/null || sleep 1; }; ";

  private static final String GO_ON = "; kill -s CONT \"$1\"";

  private static final String INTERRUPT_SHELL =
      HOLD + "(" + INTERRUPT_JOB + ") || kill -s INT -- \"-$1\"" + GO_ON;

  private static final String BREAK_OFF =
      HOLD + "(" + JOB + "kill -s KILL -- \"-$8\"); kill -s INT \"$1\"" + GO_ON;

  private final Sandbox sandbox;
  private final SandboxProcess terminal;
  private final OutputStream keys;
  private final SessionOutput output = new SessionOutput();
  private final ReentrantLock typing = new ReentrantLock();
  private volatile boolean jammed;

  private SessionShell(Sandbox sandbox, SandboxProcess terminal) {
    this.sandbox = sandbox;
    this.terminal = terminal;
    this.keys = terminal.stdin();
  }

  /** Starts one; its output begins with a mark of this token. */
  static SessionShell open(Sandbox sandbox, String token) throws InterruptedException {
    Terminals terminals =
        sandbox
            .ability(Terminals.class)
            .orElseThrow(() ->
                new SwerexException(
                    Failure.SESSION_NOT_INITIALIZED,
                    "Tried to start a session, but this sandbox has no terminals."));
    Command starter =
        Command.of("/bin/sh", "-c", STARTER, "berth-session", token)
            .withTimeout(Command.FOREVER)
            .withEnv(surroundings(sandbox));
    SessionShell shell = new SessionShell(sandbox, terminals.start(starter, SIZE));
    shell.output.begin(token);
    Thread.ofVirtual().name("berth-session").start(shell::read);
    return shell;
  }

  /** Nobody sits at this terminal who could turn a page. */
  private static Map<String, String> surroundings(Sandbox sandbox) {
    return sandbox.spec().env().containsKey("PAGER")
        ? Map.of("TERM", "dumb")
        : Map.of("TERM", "dumb", "PAGER", "cat");
  }

  /** A mark's token that nobody can guess. */
  static String token() {
    byte[] random = new byte[MarkScanner.TOKEN / 2];
    RANDOM.nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  SessionOutput output() {
    return output;
  }

  private void read() {
    byte[] bytes = new byte[CHUNK];
    String lost = null;
    int code = ProcessExit.NO_RESULT;
    try {
      InputStream in = terminal.stdout();
      for (int got = in.read(bytes); got >= 0; got = in.read(bytes)) {
        output.feed(bytes, got);
      }
      Optional<ProcessExit> exit = terminal.await(END_WITHIN);
      if (exit.isPresent()) {
        code = exit.get().returnCode();
        lost = exit.get().errorType() == null ? null : exit.get().detail();
      }
    } catch (IOException | SandboxException e) {
      lost = String.valueOf(e.getMessage());
    } catch (InterruptedException e) {
      lost = "its reader was interrupted";
    } finally {
      output.end(code, lost);
    }
  }

  /**
   * Types this. What a program does not read in time jams the terminal for good.
   *
   * @return false if it was not taken by then
   */
  boolean type(byte[] text, Deadline deadline) throws InterruptedException {
    if (!deadline.lock(typing)) {
      return false;
    }
    try {
      if (jammed) {
        return false;
      }
      if (text.length <= WITHOUT_WAITING) {
        write(text);
        return true;
      }
      Thread typist = Thread.ofVirtual().name("berth-typist").start(() -> write(text));
      boolean typed = typist.join(Duration.ofNanos(deadline.left()));
      jammed = !typed;
      return typed;
    } finally {
      typing.unlock();
    }
  }

  /** An error is not told: whoever waits for the output hears that the shell is gone. */
  private void write(byte[] text) {
    try {
      keys.write(text);
      keys.flush();
    } catch (IOException e) {
      // Said above.
    }
  }

  /**
   * Interrupts the job that has the terminal, or the shell if it goes on working without one. A
   * shell that is interrupted while it starts a job may leave that job behind, with the terminal,
   * and then read no more: so a job that is about to start is waited for, the shell is never hit in
   * place of a job that has just ended, and when it is, it stands still.
   */
  void interrupt(BooleanSupplier busy) throws InterruptedException {
    long deadline = System.nanoTime() + JOB_STARTS_WITHIN.toNanos();
    while (busy.getAsBoolean()) {
      if (onShell(INTERRUPT_JOB)) {
        return;
      }
      if (System.nanoTime() - deadline > 0) {
        if (!onShell(INTERRUPT_SHELL)) {
          signal(Signal.INT);
        }
        return;
      }
      Thread.sleep(LOOK_EVERY);
    }
  }

  /**
   * Kills the job that has the terminal, and interrupts the shell, which stands still meanwhile:
   * however quickly its jobs follow each other, none is left behind.
   */
  void breakOff() throws InterruptedException {
    onShell(BREAK_OFF);
  }

  /** Has another shell do this, whose first argument is the number of ours. */
  private boolean onShell(String script) throws InterruptedException {
    return sandbox
        .exec(
            Command.of("/bin/sh", "-c", script, "berth-session", Long.toString(terminal.pid()))
                .withTimeout(END_WITHIN))
        .ok();
  }

  /** Interrupts or kills what runs in the foreground, the shell itself if nothing else does. */
  void signal(Signal signal) throws InterruptedException {
    terminal.signal(signal);
  }

  /** Kills the shell and all below it, and waits for its end a while. */
  void close() throws InterruptedException {
    try {
      terminal.kill();
      terminal.await(END_WITHIN);
    } finally {
      terminal.close();
    }
  }

  /** What the shell says about a text that it would not run. Costs a process of its own. */
  String complaint(String command, boolean bash) throws InterruptedException {
    ExecResult result =
        sandbox.exec(
            Command.of(bash ? "bash" : "sh", "-n")
                .withStdin(command + "\n")
                .withOutputLimit(CHUNK)
                .withTimeout(END_WITHIN));
    return result.stderr().strip();
  }
}
