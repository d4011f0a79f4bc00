package dev.berth.core.guest;

import dev.berth.ErrorType;
import dev.berth.ProcessExit;
import java.io.IOException;
import java.time.Duration;

/** How a command ended, as the guest tells it: the EXIT frame. */
record Exit(
    int how, long code, int cause, long wall, long cpu, long maxRss, int stage, String reason) {
  private static final int NOT_FOUND = 127;
  private static final int NOT_RUNNABLE = 126;

  static Exit read(FrameReader in) throws IOException {
    int how = in.u8();
    long code = in.u32();
    int cause = in.u8();
    in.count();
    in.count();
    return new Exit(
        how, code, cause, micros(in), micros(in), kib(in), in.u8(), in.str(Wire.MAX_FRAME));
  }

  private static long micros(FrameReader in) throws IOException {
    return Math.min(in.count(), Long.MAX_VALUE / 1000);
  }

  private static long kib(FrameReader in) throws IOException {
    return Math.min(in.count(), Long.MAX_VALUE / 1024);
  }

  /** Whether the command never came to run, for a reason of this stage. */
  boolean failedAt(int stage) {
    return how == Wire.NOT_STARTED && this.stage == stage;
  }

  /**
   * The line that a shell would have printed for a program that could not be executed; else empty.
   */
  String shellLine(String program) {
    return failedAt(Wire.STAGE_EXEC) ? program + ": " + Errno.text(code) + "\n" : "";
  }

  ProcessExit result(String program) {
    return switch (how) {
      case Wire.EXITED, Wire.SIGNALLED -> ended();
      case Wire.NOT_STARTED -> notStarted(program);
      default -> failed(ErrorType.SANDBOX, "its supervisor in the sandbox was lost: " + reason);
    };
  }

  private ProcessExit ended() {
    return switch (cause) {
      case Wire.CAUSE_TIMEOUT -> failed(ErrorType.TIMEOUT, "its time ran out");
      case Wire.CAUSE_LINGER ->
          failed(ErrorType.SANDBOX, "it was killed because its host was away for too long");
      case Wire.CAUSE_GUEST_ENDS -> failed(ErrorType.SANDBOX, "the sandbox ended");
      default ->
          how == Wire.EXITED
              ? with((int) (code & 0xff), "", 0)
              : with(128 + (int) (code & 0x7f), "", (int) (code & 0x7f));
    };
  }

  private ProcessExit notStarted(String program) {
    String detail = "could not start " + program + ": " + reason;
    return switch (stage) {
      case Wire.STAGE_EXEC -> with(code == Errno.ENOENT ? NOT_FOUND : NOT_RUNNABLE, detail, 0);
      case Wire.STAGE_USER, Wire.STAGE_DIRECTORY -> with(NOT_RUNNABLE, detail, 0);
      case Wire.STAGE_TERMINAL -> failed(ErrorType.PTY, detail);
      default -> failed(ErrorType.SANDBOX, detail);
    };
  }

  private ProcessExit failed(ErrorType type, String detail) {
    return new ProcessExit(
        ProcessExit.NO_RESULT, type, micros(wall), micros(cpu), maxRss * 1024, detail);
  }

  private ProcessExit with(int code, String detail, int signal) {
    return new ProcessExit(code, null, micros(wall), micros(cpu), maxRss * 1024, detail, signal);
  }

  private static Duration micros(long micros) {
    return Duration.ofNanos(micros * 1000);
  }
}
