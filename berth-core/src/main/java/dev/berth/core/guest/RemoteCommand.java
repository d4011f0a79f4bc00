package dev.berth.core.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A command of the guest as this host knows it: what was sent, what has come, and how it ended. It
 * survives the change of its connection. Thread-safe; what {@link Output} and {@link Input} hold is
 * touched only with {@link #lock()}.
 */
final class RemoteCommand {
  private final GuestClient client;
  private final long id;
  private final @Nullable Spawn spawn;
  private final Input input;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition answered = lock.newCondition();
  private final Condition readable = lock.newCondition();
  private final Condition writable = lock.newCondition();
  private final Condition ended = lock.newCondition();
  private boolean take;
  private Output out;
  private Output err;
  private int generation = -1;
  private int answersDue;
  private boolean started;
  private boolean unknown;
  private boolean replaying;
  private boolean disposed;
  private final Set<Object> holders = new HashSet<>();
  private long pid;
  private @Nullable Exit exit;
  private @Nullable String lost;

  /** A command that {@link GuestClient#begin} will start or, without {@code spawn}, find. */
  RemoteCommand(
      GuestClient client,
      long id,
      @Nullable Spawn spawn,
      Input input,
      boolean take,
      Output out,
      Output err) {
    this.client = client;
    this.id = id;
    this.spawn = spawn;
    this.input = input;
    this.take = take;
    this.out = out;
    this.err = err;
    this.started = spawn == null;
  }

  /** An id as people and {@link dev.berth.Sandbox#attach} see it. */
  static String name(long id) {
    return String.format("%016x", id);
  }

  long id() {
    return id;
  }

  GuestClient client() {
    return client;
  }

  @Nullable Spawn spawn() {
    return spawn;
  }

  Input input() {
    return input;
  }

  ReentrantLock lock() {
    return lock;
  }

  /** Signalled when there is more to read, and at the end. */
  Condition readable() {
    return readable;
  }

  /** Signalled when there is room for input, and at the end. */
  Condition writable() {
    return writable;
  }

  /** Signalled once: at the end, or when the sandbox is lost. */
  Condition ended() {
    return ended;
  }

  /** Signalled when the guest has answered SPAWN or ATTACH, and at the end. */
  Condition answered() {
    return answered;
  }

  boolean isAnswered() {
    return isOver() || (started && answersDue == 0);
  }

  /** Whether nothing more will come. */
  boolean isOver() {
    return exit != null || lost != null;
  }

  /** Whether all output that there will be has come. */
  boolean isDrained() {
    return exit != null && !replaying;
  }

  /** Notes that this handle stands for the command. */
  void hold(Object handle) {
    lock.lock();
    try {
      holders.add(handle);
    } finally {
      lock.unlock();
    }
  }

  /** Notes that it does no more; true if it was the last one, and only once. */
  boolean release(Object handle) {
    lock.lock();
    try {
      return holders.remove(handle) && holders.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Kills the command if it still runs, and has the guest forget it once it has ended. */
  void dispose() {
    boolean over;
    lock.lock();
    try {
      over = isOver();
      disposed = true;
      // It has to come to its end: what it still prints is read and dropped.
      out.discard();
      err.discard();
      out.tell(id, client.outbox());
      err.tell(id, client.outbox());
    } finally {
      lock.unlock();
    }
    if (over) {
      client.forget(this);
    } else {
      terminate(0);
    }
  }

  /** Whether the guest does not know this command. */
  boolean unknown() {
    return unknown;
  }

  @Nullable Exit exit() {
    return exit;
  }

  @Nullable String lost() {
    return lost;
  }

  long pid() {
    return pid;
  }

  boolean takes() {
    return take;
  }

  Output out() {
    return out;
  }

  Output err() {
    return err;
  }

  /**
   * Adds what makes a new connection the command's, once for each: SPAWN until it is known to have
   * started, then ATTACH; and the input that was not taken.
   */
  void attach(Outbox outbox) {
    lock.lock();
    try {
      outbox.add(to -> {
        if (generation != outbox.generation() && (!isOver() || replaying)) {
          generation = outbox.generation();
          answersDue = 1;
          begin(to);
          input.rewind();
          input.add(id, to);
        }
      });
    } finally {
      lock.unlock();
    }
  }

  private void begin(FrameWriter to) {
    if (spawn != null && !started) {
      to.append(spawn.frame());
    } else {
      to.begin(Wire.ATTACH).u64(id).u8(take ? 1 : 0).u64(out.resume()).u64(err.resume()).end();
    }
  }

  /**
   * Takes the output over from whoever had it, from these streams' offsets on; or gives it up.
   * Returns once it was sent.
   */
  void retake(boolean take, Output newOut, Output newErr) {
    lock.lock();
    try {
      this.take = take;
      out = newOut;
      err = newErr;
      replaying = take && exit != null;
      client
          .outbox()
          .add(to -> {
            if (generation == client.outbox().generation()) {
              answersDue++;
              to.begin(Wire.ATTACH)
                  .u64(id)
                  .u8(take ? 1 : 0)
                  .u64(out.resume())
                  .u64(err.resume())
                  .end();
            }
          });
      readable.signalAll();
    } finally {
      lock.unlock();
    }
    client.outbox().flush();
  }

  /** Takes a frame about this command; its id was read. Called by the reader alone. */
  void onFrame(int type, FrameReader in) throws IOException {
    lock.lock();
    try {
      switch (type) {
        case Wire.STARTED -> onStarted(in.u32(), in.count());
        case Wire.OUTPUT -> onOutput(in.u8(), in.count(), in.rest());
        case Wire.TAKEN -> onTaken(in.count(), in.u8());
        case Wire.EXIT -> onExit(Exit.read(in));
        case Wire.UNKNOWN -> onUnknown();
        default -> onDetached();
      }
    } finally {
      lock.unlock();
    }
    client.outbox().flushFromReader();
  }

  private void onStarted(long startedPid, long inputHave) throws ProtocolException {
    pid = startedPid;
    started = true;
    if (input.place(inputHave)) {
      client.outbox().add(to -> input.add(id, to));
    }
    if (answersDue > 0) {
      answersDue--;
    }
    answered.signalAll();
  }

  private void onOutput(int channel, long offset, ByteBuffer bytes) throws ProtocolException {
    if (channel != Wire.STDOUT && channel != Wire.STDERR) {
      throw new ProtocolException("output on channel " + channel);
    }
    if (answersDue > 0 || !take || (isOver() && !replaying)) {
      // It belongs to an earlier taker of the output.
      return;
    }
    Output output = channel == Wire.STDOUT ? out : err;
    output.accept(offset, bytes);
    output.tell(id, client.outbox());
    readable.signalAll();
  }

  private void onTaken(long offset, int flags) throws ProtocolException {
    input.taken(offset, (flags & 1) != 0);
    client.outbox().add(to -> input.add(id, to));
    writable.signalAll();
  }

  private void onExit(Exit how) {
    if (!isOver()) {
      exit = how;
    }
    if (disposed) {
      client.forget(this);
    }
    replaying = false;
    signalEnd();
  }

  private void onUnknown() {
    // A signal to a command that has ended is answered so, too: what counts is whether it was ever
    // known.
    if (!isOver() && answersDue > 0) {
      unknown = true;
      lost = "the guest does not know this command any more; it was not run again";
    }
    replaying = false;
    signalEnd();
  }

  private void onDetached() {
    if (answersDue == 0) {
      take = false;
      readable.signalAll();
    }
  }

  /** The sandbox is lost. */
  void onLost(String why) {
    lock.lock();
    try {
      if (!isOver()) {
        lost = why;
      }
      replaying = false;
      signalEnd();
    } finally {
      lock.unlock();
    }
  }

  private void signalEnd() {
    answered.signalAll();
    readable.signalAll();
    writable.signalAll();
    ended.signalAll();
  }

  /** Sends SIGTERM to the command's tree and SIGKILL after this many milliseconds. */
  void terminate(long graceMillis) {
    client.send(
        to -> to.begin(Wire.TERMINATE).u64(id).u32(Math.min(graceMillis, 0xffff_ffffL)).end());
  }
}
