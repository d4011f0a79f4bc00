package dev.berth.services.eval;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One way of an instance through its phases, so far: where it is, what it took, what is left of its
 * time. For one thread.
 */
final class Attempt {
  /** No file that is read from a sandbox whole may be larger. */
  static final int LARGEST_FILE = 16 << 20;

  private final Task task;
  private final InstanceLog log;
  private final Instant started = Instant.now();
  private final Map<Phase, Duration> took = new EnumMap<>(Phase.class);
  private final Map<Phase, Integer> exitCodes = new EnumMap<>(Phase.class);
  private Phase phase = Phase.CREATE;
  private long phaseBegan = System.nanoTime();
  private long deadline = Long.MAX_VALUE;
  private @Nullable String patchedBy;
  private Duration cpu = Duration.ZERO;
  private long maxRssBytes;

  Attempt(Task task, InstanceLog log) {
    this.task = task;
    this.log = log;
  }

  /** The attempt ends here: thrown from wherever it is. */
  static final class Ended extends Exception {
    private static final long serialVersionUID = 1L;
    private final Verdict verdict;
    private final String reason;

    Ended(Verdict verdict, String reason) {
      super(reason, null, false, false);
      this.verdict = verdict;
      this.reason = reason;
    }

    Verdict verdict() {
      return verdict;
    }

    String reason() {
      return reason;
    }
  }

  Task task() {
    return task;
  }

  InstanceLog log() {
    return log;
  }

  Phase phase() {
    return phase;
  }

  /** From now on the time is counted for another phase. */
  void enter(Phase next) {
    long now = System.nanoTime();
    took.merge(phase, Duration.ofNanos(now - phaseBegan), Duration::plus);
    phase = next;
    phaseBegan = now;
    if (next != Phase.STOP) {
      log.say("phase " + next.word());
    }
  }

  /** The instance's time begins. */
  void startClock() {
    deadline = System.nanoTime() + nanos(task.timeout());
  }

  boolean late() {
    return deadline != Long.MAX_VALUE && System.nanoTime() - deadline >= 0;
  }

  void patchedBy(String name) {
    patchedBy = name;
  }

  void judgedBy(ExecResult test) {
    cpu = test.exit().cpuTime();
    maxRssBytes = test.exit().maxRssBytes();
  }

  /** Runs a command where commands run; its output goes to the log. Its exit code is its own. */
  ExecResult run(Sandbox sandbox, Command command) throws InterruptedException, Ended {
    log.say("run " + shown(command.arguments()));
    ExecResult result = run(sandbox, command, log);
    log.endOutput();
    log.say("exit code " + result.returnCode() + " after " + result.duration().toMillis() + " ms");
    exitCodes.put(phase, result.returnCode());
    return result;
  }

  /** The same, without a word. */
  ExecResult quietly(Sandbox sandbox, Command command) throws InterruptedException, Ended {
    return run(sandbox, command, OutputSink.NONE);
  }

  /** A file's bytes; null if it cannot be read, or is larger than {@link #LARGEST_FILE}. */
  byte @Nullable [] read(Sandbox sandbox, String path) throws InterruptedException, Ended {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Command head = Command.of("head", "-c", Integer.toString(LARGEST_FILE + 1), "--", path);
    ExecResult result =
        run(
            sandbox,
            head,
            (channel, part) -> {
              if (channel == OutputSink.Channel.STDERR) {
                log.accept(channel, part);
              } else if (bytes.size() <= LARGEST_FILE) {
                byte[] now = new byte[part.remaining()];
                part.get(now);
                bytes.writeBytes(now);
              }
            });
    log.endOutput();
    if (result.returnCode() != 0) {
      log.say("reading " + path + " ended with code " + result.returnCode());
    }
    return result.returnCode() == 0 && bytes.size() <= LARGEST_FILE ? bytes.toByteArray() : null;
  }

  private ExecResult run(Sandbox sandbox, Command command, OutputSink to)
      throws InterruptedException, Ended {
    long left = deadline - System.nanoTime();
    if (left <= 0) {
      throw timeout();
    }
    Command placed = task.directory() == null ? command : inDirectory(command, task.directory());
    ExecResult result =
        sandbox.exec(placed.withTimeout(Duration.ofNanos(left)).withOutputLimit(0), to);
    ErrorType error = result.errorType();
    if (error == null) {
      return result;
    }
    if (to == log) {
      log.endOutput();
    }
    if (error == ErrorType.TIMEOUT || late()) {
      throw timeout();
    }
    throw new SandboxLostException(
        sandbox.provider(),
        sandbox.id(),
        "Tried to run a command in phase "
            + phase.word()
            + ", but the sandbox was lost: "
            + result.exit().detail(),
        null);
  }

  /** A command that names a folder of its own keeps it. */
  private static Command inDirectory(Command command, String directory) {
    return command.directory() == null ? command.inDirectory(directory) : command;
  }

  Ended timeout() {
    return new Ended(
        Verdict.TIMEOUT,
        "its " + task.timeout().toSeconds() + " s were over in phase " + phase.word());
  }

  Result result(Phase end, Verdict verdict, String reason, int attempts) {
    return new Result(
        task.id(),
        verdict,
        end,
        reason,
        attempts,
        started,
        took,
        exitCodes,
        patchedBy,
        cpu,
        maxRssBytes,
        task.digest());
  }

  static long nanos(Duration duration) {
    try {
      return Math.min(duration.toNanos(), TimeUnit.DAYS.toNanos(365));
    } catch (ArithmeticException e) {
      return TimeUnit.DAYS.toNanos(365);
    }
  }

  /** What a person would have typed, roughly and shortened: it may hold thousands of names. */
  private static String shown(List<String> words) {
    String line =
        words.size() == 3 && words.get(0).equals("/bin/sh") && words.get(1).equals("-c")
            ? words.get(2)
            : String.join(" ", words);
    String oneLine = line.replace('\n', ' ');
    return oneLine.length() > 300 ? oneLine.substring(0, 300) + "…" : oneLine;
  }
}
