package dev.berth.core.guest;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.ProcessExit;
import dev.berth.SandboxException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One command that is run to its end by the thread that called. Without a sink the reader of the
 * connection collects its output, and the caller is woken once.
 */
final class Exec {
  private static final Duration BACKSTOP = Duration.ofSeconds(10);

  private final GuestClient client;
  private final Command command;
  private final Defaults defaults;
  private final OutputSink sink;
  private final RemoteCommand remote;
  private final Spawn spawn;
  private final Output keptOut;
  private final Output keptErr;
  private final long began = System.nanoTime();

  Exec(GuestClient client, Command command, Defaults defaults, OutputSink sink) {
    this.client = client;
    this.command = command;
    this.defaults = defaults;
    this.sink = sink;
    byte[] stdin = command.stdin();
    int flags = Wire.TAKE | (stdin == null ? 0 : Wire.STDIN);
    spawn = Spawn.of(command, defaults, flags, null, client.faults());
    keptOut = Output.collected(Wire.STDOUT, spawn.window(), command.outputLimit());
    keptErr = Output.collected(Wire.STDERR, spawn.window(), command.outputLimit());
    boolean direct = sink.equals(OutputSink.NONE);
    remote =
        new RemoteCommand(
            client,
            spawn.id(),
            spawn,
            Input.of(stdin),
            true,
            direct ? keptOut : Output.read(Wire.STDOUT, spawn.window(), false, 0),
            direct ? keptErr : Output.read(Wire.STDERR, spawn.window(), false, 0));
  }

  ExecResult run() throws InterruptedException {
    boolean done = false;
    try {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      client.begin(remote);
      if (sink.equals(OutputSink.NONE)) {
        awaitEnd();
      } else {
        pump();
      }
      done = true;
    } finally {
      if (!done) {
        remote.dispose();
      }
    }
    return result();
  }

  private long nanosLeft() {
    Duration timeout = spawn.timeout();
    return timeout == null
        ? Long.MAX_VALUE / 2
        : Watch.nanos(timeout.plus(command.grace()).plus(BACKSTOP)) - (System.nanoTime() - began);
  }

  private void awaitEnd() throws InterruptedException {
    remote.lock().lockInterruptibly();
    try {
      long left = nanosLeft();
      while (!remote.isOver() && left > 0) {
        left = remote.ended().awaitNanos(left);
      }
    } finally {
      remote.lock().unlock();
    }
  }

  /** Hands output to the sink, outside the lock, until there is no more. */
  private void pump() throws InterruptedException {
    while (true) {
      Output from;
      ByteRing ring;
      ByteBuffer bytes;
      remote.lock().lockInterruptibly();
      try {
        long left = nanosLeft();
        while (isEmpty() && !remote.isOver() && left > 0) {
          left = remote.readable().awaitNanos(left);
        }
        if (isEmpty()) {
          return;
        }
        from = remote.out().ring().size() > 0 ? remote.out() : remote.err();
        ring = from.ring();
        bytes = ring.front();
      } finally {
        remote.lock().unlock();
      }
      boolean isOut = from == remote.out();
      int count = bytes.remaining();
      (isOut ? keptOut : keptErr).keep(bytes.duplicate());
      sink.accept(isOut ? OutputSink.Channel.STDOUT : OutputSink.Channel.STDERR, bytes);
      remote.lock().lock();
      try {
        from.drop(ring, count);
        from.tell(remote.id(), client.outbox());
      } finally {
        remote.lock().unlock();
      }
      client.outbox().flush();
      if (nanosLeft() <= 0) {
        return;
      }
    }
  }

  private boolean isEmpty() {
    return remote.out().ring().size() == 0 && remote.err().ring().size() == 0;
  }

  private ExecResult result() {
    Exit exit;
    String lost;
    byte[] out;
    byte[] err;
    remote.lock().lock();
    try {
      exit = remote.exit();
      lost = remote.lost();
      out = keptOut.kept();
      err = keptErr.kept();
    } finally {
      remote.lock().unlock();
    }
    remote.dispose();
    String line = "";
    ProcessExit end;
    if (exit != null) {
      SandboxException refused = refusal(exit, command, defaults, client.faults());
      if (refused != null) {
        throw refused;
      }
      end = exit.result(spawn.program());
      line = exit.shellLine(spawn.program());
    } else if (lost != null) {
      end = failed(ErrorType.SANDBOX, "the sandbox is lost: " + lost);
    } else {
      end = failed(ErrorType.TIMEOUT, "its time ran out, and its guest did not end it");
    }
    if (!line.isEmpty() && !sink.equals(OutputSink.NONE)) {
      sink.accept(
          OutputSink.Channel.STDERR, ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8)));
    }
    return new ExecResult(
        new String(out, StandardCharsets.UTF_8),
        new String(err, StandardCharsets.UTF_8) + line,
        keptOut.truncated(),
        keptErr.truncated(),
        end);
  }

  private ProcessExit failed(ErrorType type, String detail) {
    return new ProcessExit(
        ProcessExit.NO_RESULT,
        type,
        Duration.ofNanos(System.nanoTime() - began),
        Duration.ZERO,
        0,
        detail);
  }

  /** The error for a command that was asked for wrongly; null if it was not. */
  static @Nullable SandboxException refusal(
      Exit exit, Command command, Defaults defaults, Faults faults) {
    String program = command.arguments().get(0);
    if (exit.failedAt(Wire.STAGE_USER)) {
      return faults.request(
          "Tried to run "
              + program
              + " as user '"
              + (command.user() != null ? command.user() : defaults.user())
              + "', but that cannot be had here: "
              + (exit.code() == Errno.ENOENT
                  ? "there is no such user or group in the sandbox"
                  : exit.reason())
              + ".");
    }
    if (exit.failedAt(Wire.STAGE_DIRECTORY)) {
      return faults.request(
          "Tried to run "
              + program
              + " in the folder '"
              + (command.directory() != null ? command.directory() : defaults.directory())
              + "', but that cannot be used: "
              + exit.reason()
              + ". Make it first, or choose another.");
    }
    if (exit.failedAt(Wire.STAGE_TERMINAL)) {
      return faults.pty(
          "Tried to open a terminal for "
              + program
              + ", but there is none: "
              + exit.reason()
              + ".");
    }
    return null;
  }
}
