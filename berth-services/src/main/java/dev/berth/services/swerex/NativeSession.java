package dev.berth.services.swerex;

import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.Signal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A session of {@link NativeRuntime}: what is told to its shell, and what came of it. Thread-safe:
 * calls wait for each other, but {@link #interrupt} and {@link #close} for none.
 */
final class NativeSession {
  private static final int LONGEST_COMMAND = 16 << 20;
  private static final int SHOWN = 4096;
  private static final Duration LAST_TRY = Duration.ofSeconds(2);
  private static final Duration NEXT_TRY = Duration.ofMillis(100);

  /** How often a line is typed that a shell drops for an interrupt from before. */
  private static final int TRIES = 3;

  private static final Expected NOTHING = new Expected(List.of());

  private final String name;
  private final SessionShell shell;
  private final ReentrantLock turn = new ReentrantLock(true);
  private volatile boolean interactive;

  /** The token of what was interrupted last. */
  private volatile String interruptedToken = "";

  // Guarded by the turn.
  private boolean bash;
  private int lastCode;

  private NativeSession(String name, SessionShell shell) {
    this.name = name;
    this.shell = shell;
  }

  /** Opens one, which is then to be {@linkplain #start started}. */
  static NativeSession open(Sandbox sandbox, String name) throws InterruptedException {
    return new NativeSession(name, SessionShell.open(sandbox, SessionShell.token()));
  }

  /** Waits for the shell and has it read its sources. Returns what was printed until then. */
  String start(SessionRequest request) throws InterruptedException {
    Deadline deadline = Deadline.in(request.startupTimeout());
    String tried = "start session '" + name + "'";
    turn.lockInterruptibly();
    try {
      ready(tried, shell.output().awaitStart(deadline));
      String token = SessionShell.token();
      shell.output().begin(token);
      shell.type(ShellLine.first(token), deadline);
      String greeting = ready(tried, shell.output().await(deadline, NOTHING));
      // Without the prompt that the shell had before its first line.
      StringBuilder printed = new StringBuilder();
      printed.append(greeting, 0, greeting.lastIndexOf('\n') + 1);
      bash = shell.output().startCode() != 0;
      for (String source : request.startupSource()) {
        String line = ". '" + source.replace("'", "'\\''") + "'";
        printed.append(ready(tried + " with '" + source + "'", typed(line, deadline, NOTHING)));
      }
      return printed.toString();
    } finally {
      turn.unlock();
    }
  }

  private String ready(String tried, SessionOutput.Outcome outcome) {
    return switch (outcome) {
      case SessionOutput.Ended ended -> ended.output();
      case SessionOutput.Matched never -> never.output();
      case SessionOutput.Gone gone -> {
        if (gone.lost() != null) {
          throw unreachable(tried, gone);
        }
        throw new SwerexException(
            Failure.SESSION_NOT_INITIALIZED,
            "Tried to "
                + tried
                + ", but its shell ended with exit code "
                + gone.code()
                + " ("
                + shown(gone.output())
                + "); the image needs a /bin/sh, and no start file may exit.",
            gone.output(),
            null);
      }
      case SessionOutput.Late late ->
          throw new SwerexException(
              Failure.COMMAND_TIMEOUT,
              "Tried to " + tried + ", but its shell was not ready in time; allow it more.",
              late.output(),
              null);
    };
  }

  /** Runs an action, or types it to the interactive program that runs. */
  Observation run(BashAction action) throws InterruptedException {
    Deadline deadline = Deadline.in(action.timeout());
    Expected expected = new Expected(action.expect());
    if (action.command().indexOf('\0') >= 0 || action.command().length() > LONGEST_COMMAND) {
      throw new SwerexException(
          Failure.INCORRECT_SYNTAX,
          "Tried to run a command with a NUL character or more than 16 Mi characters; no shell"
              + " takes that. Write it to a file.");
    }
    if (!deadline.lock(turn)) {
      throw late(action, "another call uses the session", "");
    }
    try {
      boolean input = action.interactiveCommand() || action.interactiveQuit();
      if (shell.output().isBusy() && (input || (interactive && !expected.isEmpty()))) {
        return answer(action, deadline, expected);
      }
      settle(action, deadline);
      return observe(action, typed(action.command(), deadline, expected), input);
    } finally {
      turn.unlock();
    }
  }

  /** Waits for what ran out of time before. */
  private void settle(BashAction action, Deadline deadline) throws InterruptedException {
    if (shell.output().isBusy() && interactive) {
      throw new SwerexException(
          Failure.OTHER,
          "Tried to run "
              + shown(action.command())
              + " in session '"
              + name
              + "', but an interactive program runs there; talk to it with interactive actions,"
              + " quit it, or interrupt it.");
    }
    if (shell.output().isBusy()
        && shell.output().await(deadline, NOTHING) instanceof SessionOutput.Late late) {
      throw late(action, "the command before it still runs; interrupt it", late.output());
    }
    SessionOutput.Gone gone = shell.output().gone();
    if (gone != null) {
      if (gone.lost() != null) {
        throw unreachable("run a command in session '" + name + "'", gone);
      }
      throw new SwerexException(
          Failure.SESSION_NOT_INITIALIZED,
          "Tried to run "
              + shown(action.command())
              + " in session '"
              + name
              + "', but its shell has ended with exit code "
              + gone.code()
              + "; close the session and create it anew.");
    }
  }

  private SessionOutput.Outcome typed(String command, Deadline deadline, Expected expected)
      throws InterruptedException {
    interactive = false;
    String before = shell.output().token();
    for (int tries = 1; ; tries++) {
      String token = SessionShell.token();
      shell.output().begin(token);
      shell.type(ShellLine.run(token, command, lastCode, bash), deadline);
      SessionOutput.Outcome outcome = shell.output().await(deadline, expected);
      // A shell may notice only now that the command before was interrupted, and drop this one for
      // it: as nothing of it has run, it is typed again.
      if (tries == TRIES || !before.equals(interruptedToken) || !wasDropped(outcome)) {
        if (outcome instanceof SessionOutput.Ended ended) {
          lastCode = ended.code() & 0xff;
        }
        return outcome;
      }
    }
  }

  private static boolean wasDropped(SessionOutput.Outcome outcome) {
    return switch (outcome) {
      case SessionOutput.Ended ended -> ended.wasDropped();
      case SessionOutput.Late late -> late.refused();
      case SessionOutput.Matched matched -> false;
      case SessionOutput.Gone gone -> false;
    };
  }

  private Observation observe(BashAction action, SessionOutput.Outcome outcome, boolean input)
      throws InterruptedException {
    return switch (outcome) {
      case SessionOutput.Ended ended -> {
        if (!ended.parsed() && !ended.wasDropped()) {
          throw syntax(action, ended.output());
        }
        yield ended(action, ended.output(), ended.code(), "", input);
      }
      case SessionOutput.Matched matched -> {
        interactive = true;
        String text = input ? matched.output().strip() : matched.output();
        yield new Observation(text, null, "", matched.string());
      }
      case SessionOutput.Gone gone -> gone(action, gone, input);
      case SessionOutput.Late late -> throw late(action, late);
    };
  }

  private Observation gone(BashAction action, SessionOutput.Gone gone, boolean input) {
    if (gone.lost() != null) {
      throw unreachable("run " + shown(action.command()), gone);
    }
    return ended(action, gone.output(), gone.code(), "the session's shell has ended", input);
  }

  private Observation ended(
      BashAction action, String output, int code, String reason, boolean input) {
    if (action.check() == Check.RAISE && code != 0 && !input) {
      throw new SwerexException(
          Failure.NON_ZERO_EXIT_CODE,
          (action.errorMessage().isEmpty() ? "" : action.errorMessage() + ": ")
              + "Tried to run "
              + shown(action.command())
              + " but it failed with exit code "
              + code
              + ". Here is the output: "
              + shown(output),
          output,
          null);
    }
    return new Observation(
        input ? output.strip() : output,
        input || action.check() == Check.IGNORE ? null : code,
        reason,
        "");
  }

  /** Types a line to the program that runs. */
  private Observation answer(BashAction action, Deadline deadline, Expected expected)
      throws InterruptedException {
    if (!shell.type((action.command() + "\n").getBytes(StandardCharsets.UTF_8), deadline)) {
      throw late(action, "the program does not read it", "");
    }
    SessionOutput.Outcome outcome = shell.output().await(deadline, expected);
    return switch (outcome) {
      case SessionOutput.Ended ended -> {
        lastCode = ended.code() & 0xff;
        yield ended(action, withoutEcho(ended.output(), action), ended.code(), "", true);
      }
      case SessionOutput.Matched matched -> {
        interactive = true;
        yield new Observation(withoutEcho(matched.output(), action), null, "", matched.string());
      }
      case SessionOutput.Gone gone -> gone(action, gone, true);
      case SessionOutput.Late late -> throw late(action, late);
    };
  }

  /** Many programs show what is typed to them, and some turn the terminal's own echo on. */
  private static String withoutEcho(String output, BashAction action) {
    String text = output.replace("\r\n", "\n").stripLeading();
    String typed = action.command().stripTrailing();
    return (text.startsWith(typed) ? text.substring(typed.length()) : text).strip();
  }

  /**
   * Interrupts what runs, as often as asked for; then kills it, if it is not the shell itself. Does
   * nothing at a shell that waits.
   */
  Observation interrupt(BashInterrupt interrupt) throws InterruptedException {
    Expected expected = new Expected(interrupt.expect());
    String tried = "interrupt session '" + name + "'";
    String token = shell.output().token();
    for (int i = 0; i < Math.max(1, interrupt.retries()) && shell.output().isBusy(token); i++) {
      interruptedToken = token;
      shell.interrupt(() -> shell.output().isBusy(token));
      Deadline deadline = Deadline.in(interrupt.timeout());
      Observation result = interrupted(tried, shell.output().await(token, deadline, expected));
      if (result != null) {
        return result;
      }
    }
    if (!shell.output().isBusy(token)) {
      // Nothing runs, or it has just ended by itself.
      SessionOutput.Gone gone = shell.output().gone();
      Observation none = gone == null ? null : interrupted(tried, gone);
      return none == null ? new Observation("", null, "", "") : none;
    }
    return insist(tried, token, expected);
  }

  private Observation insist(String tried, String token, Expected expected)
      throws InterruptedException {
    Deadline deadline = Deadline.in(LAST_TRY);
    shell.signal(Signal.CONT);
    SessionOutput.Outcome outcome;
    do {
      shell.breakOff();
      Deadline soon = Deadline.in(Duration.ofNanos(Math.min(deadline.left(), NEXT_TRY.toNanos())));
      outcome = shell.output().await(token, soon, expected);
      Observation result = interrupted(tried, outcome);
      if (result != null) {
        return result;
      }
      // It may be back at a prompt that it was given since, or be another shell by now.
      shell.type(ShellLine.probe(token), deadline);
    } while (deadline.left() > 0);
    throw new SwerexException(
        Failure.COMMAND_TIMEOUT,
        "Tried to " + tried + ", but its shell does not answer; close the session.",
        outcome instanceof SessionOutput.Late late ? late.output() : "",
        null);
  }

  private @Nullable Observation interrupted(String tried, SessionOutput.Outcome outcome) {
    return switch (outcome) {
      case SessionOutput.Ended ended -> new Observation(ended.output().strip(), null, "", "");
      case SessionOutput.Matched matched ->
          new Observation(matched.output().strip(), null, "", matched.string());
      case SessionOutput.Gone gone -> {
        if (gone.lost() != null) {
          throw unreachable(tried, gone);
        }
        yield new Observation(gone.output().strip(), null, "the session's shell has ended", "");
      }
      case SessionOutput.Late late -> null;
    };
  }

  /** Kills the shell and all that runs in it. */
  void close() throws InterruptedException {
    try {
      shell.close();
    } catch (SandboxException e) {
      // The sandbox is gone, and the shell with it.
    }
  }

  private SwerexException syntax(BashAction action, String said) throws InterruptedException {
    String complaint = shell.complaint(action.command(), bash);
    return new SwerexException(
        Failure.INCORRECT_SYNTAX,
        "Tried to run "
            + shown(action.command())
            + " but the shell cannot parse it, and ran nothing of it: "
            + shown(complaint.isEmpty() ? said.strip() : complaint),
        complaint.isEmpty() ? said : complaint,
        null);
  }

  private SwerexException late(BashAction action, SessionOutput.Late late) {
    return late.refused()
        ? new SwerexException(
            Failure.SESSION_NOT_INITIALIZED,
            "Tried to run "
                + shown(action.command())
                + " but the shell of session '"
                + name
                + "' takes no commands any more (is PS1 read-only?); close the session.",
            late.output(),
            null)
        : late(action, "it did not end", late.output());
  }

  private static SwerexException late(BashAction action, String why, String output) {
    return new SwerexException(
        Failure.COMMAND_TIMEOUT,
        "Tried to run "
            + shown(action.command())
            + " but within "
            + action.timeout()
            + " "
            + why
            + ".",
        output,
        null);
  }

  private static SwerexException unreachable(String tried, SessionOutput.Gone gone) {
    return new SwerexException(
        Failure.UNREACHABLE,
        "Tried to " + tried + ", but the sandbox is gone: " + gone.lost(),
        gone.output(),
        null);
  }

  private static String shown(String text) {
    return text.length() <= SHOWN
        ? "'" + text + "'"
        : "'"
            + text.substring(0, SHOWN / 2)
            + "' … '"
            + text.substring(text.length() - SHOWN / 2)
            + "'";
  }
}
