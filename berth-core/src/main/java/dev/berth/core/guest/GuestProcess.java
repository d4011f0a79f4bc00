package dev.berth.core.guest;

import dev.berth.ErrorType;
import dev.berth.ProcessExit;
import dev.berth.SandboxProcess;
import dev.berth.Signal;
import dev.berth.TerminalSize;
import dev.berth.UnsupportedRequestException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A handle of a command that runs in a sandbox. Several may stand for one command; the last one
 * attached has its output.
 */
final class GuestProcess implements SandboxProcess {
  private final RemoteCommand command;
  private final Output out;
  private final Output err;
  private final boolean owned;
  private final boolean terminal;

  /**
   * A handle over a command that was begun.
   *
   * @param owned whether closing the handle kills the command
   */
  GuestProcess(RemoteCommand command, boolean owned, boolean terminal) {
    this.command = command;
    this.out = command.out();
    this.err = command.err();
    this.owned = owned;
    this.terminal = terminal;
    command.hold(this);
  }

  @Override
  public String id() {
    return RemoteCommand.name(command.id());
  }

  @Override
  public long pid() {
    command.lock().lock();
    try {
      return command.pid();
    } finally {
      command.lock().unlock();
    }
  }

  @Override
  public OutputStream stdin() {
    return new CommandInput(command);
  }

  @Override
  public InputStream stdout() {
    take();
    return new CommandOutput(command, out);
  }

  @Override
  public InputStream stderr() {
    take();
    return new CommandOutput(command, err);
  }

  /**
   * A background command's output comes only once somebody wants it: else a server that nobody
   * listens to would stop at a full window.
   */
  private void take() {
    boolean untaken;
    command.lock().lock();
    try {
      untaken = !command.takes() && command.out() == out && command.lost() == null;
    } finally {
      command.lock().unlock();
    }
    if (untaken) {
      command.retake(true, out, err);
    }
  }

  @Override
  public void signal(Signal signal) {
    command
        .client()
        .send(to -> to.begin(Wire.SIGNAL).u64(command.id()).u8(signal.number()).u8(1).end());
  }

  @Override
  public void terminate(Duration grace) {
    command.terminate(Math.max(0, Watch.nanos(grace) / 1_000_000));
  }

  @Override
  public void resize(TerminalSize size) {
    if (!terminal) {
      Faults faults = command.client().faults();
      throw new UnsupportedRequestException(
          faults.provider(),
          faults.id(),
          "Tried to resize the terminal of command " + id() + ", but it has none.",
          null);
    }
    command
        .client()
        .send(to ->
            to.begin(Wire.RESIZE).u64(command.id()).u16(size.rows()).u16(size.columns()).end());
  }

  @Override
  public boolean isAlive() {
    command.lock().lock();
    try {
      return !command.isOver();
    } finally {
      command.lock().unlock();
    }
  }

  @Override
  public ProcessExit await() throws InterruptedException {
    return await(dev.berth.Command.FOREVER).orElseThrow();
  }

  @Override
  public Optional<ProcessExit> await(Duration atMost) throws InterruptedException {
    long left = Watch.nanos(atMost);
    command.lock().lockInterruptibly();
    try {
      while (!command.isOver() && left > 0) {
        left = command.ended().awaitNanos(left);
      }
      return Optional.ofNullable(exit());
    } finally {
      command.lock().unlock();
    }
  }

  private @Nullable ProcessExit exit() {
    Exit exit = command.exit();
    if (exit != null) {
      Spawn spawn = command.spawn();
      return exit.result(spawn == null ? "command " + id() : spawn.program());
    }
    String lost = command.lost();
    return lost == null ? null : lost(lost);
  }

  /** The result of a command whose sandbox is lost. */
  static ProcessExit lost(String why) {
    return new ProcessExit(
        ProcessExit.NO_RESULT,
        ErrorType.SANDBOX,
        Duration.ZERO,
        Duration.ZERO,
        0,
        "the sandbox is lost: " + why);
  }

  @Override
  public void close() {
    GuestClient client = command.client();
    boolean over;
    boolean giveUp;
    boolean last;
    command.lock().lock();
    try {
      over = command.isOver();
      giveUp = command.out() == out && command.takes() && !over && !owned;
      last = command.release(this);
      out.discard();
      err.discard();
      out.tell(command.id(), client.outbox());
      err.tell(command.id(), client.outbox());
      command.readable().signalAll();
    } finally {
      command.lock().unlock();
    }
    client.outbox().flush();
    if (owned && last) {
      command.dispose();
    } else if (last) {
      if (giveUp) {
        command.retake(false, out, err);
      }
      client.abandon(command);
    }
  }
}
