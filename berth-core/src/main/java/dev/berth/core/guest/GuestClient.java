package dev.berth.core.guest;

import dev.berth.SandboxLostException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The host's end of one guest: a control connection with one virtual thread that reads it, made
 * anew when it breaks, so that its commands and listeners go on as if nothing had happened. It ends
 * for good when it is closed, when the guest is gone, cannot be reached for the link's {@linkplain
 * Link#patience() patience}, is another one than before, or breaks the protocol. Thread-safe.
 */
final class GuestClient implements AutoCloseable {
  static final Duration MOST_PATIENCE = Duration.ofMinutes(1);

  /** Of the first attempt; a guest far away needs several round trips. */
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(1);

  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(8);
  private static final long STEADY_NANOS = Duration.ofSeconds(1).toNanos();
  private static final int MOST_FLAPS = 1000;
  private static final long STALL_NANOS = Duration.ofSeconds(15).toNanos();
  private static final long SILENCE_NANOS = Duration.ofSeconds(5).toNanos();

  private static final Duration LOOKS = Duration.ofMillis(400);

  private final Link link;
  private final Faults faults;
  private final ByteBuffer identity;
  private final Outbox outbox = new Outbox();

  /** Guards the change from one connection to the next against those who register meanwhile. */
  private final ReentrantLock lock = new ReentrantLock();

  private final Map<Long, RemoteCommand> commands = new ConcurrentHashMap<>();
  private final Answers answers = new Answers();
  private final Forgets forgets = new Forgets(outbox);
  private @Nullable Connection connection;
  private final Set<Closeable> transfers = ConcurrentHashMap.newKeySet();
  private final Spares spares = new Spares();
  private volatile long heard = System.nanoTime();
  private final StopCheck stopCheck;
  private volatile @Nullable String lost;
  private volatile @Nullable BiConsumer<Long, Long> incoming;
  private volatile List<Consumer<FrameWriter>> atReconnect = List.of();

  /**
   * For processes that end soon: HotSpot waits 300 ms at its exit for a thread in native code,
   * which the poller of virtual threads always is, while a reader of its own ends with its
   * connection. With many sandboxes it would be a thread for each.
   */
  private static final boolean PLATFORM_READER =
      "platform".equals(System.getProperty("dev.berth.reader"));

  /** Takes over an open connection. */
  GuestClient(Link link, Faults faults, Connection first) {
    this.link = link;
    this.faults = faults;
    this.identity = first.welcome().identity();
    this.connection = first;
    long pid = first.welcome().pid();
    this.stopCheck = new StopCheck(link, System::nanoTime, pid, () -> heard, this::askForSign);
    outbox.connect(first.channel());
    Thread.Builder reader = PLATFORM_READER ? Thread.ofPlatform().daemon() : Thread.ofVirtual();
    reader.name("berth-guest-" + faults.id()).start(() -> run(first));
  }

  Faults faults() {
    return faults;
  }

  Link link() {
    return link;
  }

  /** Why the guest is lost; null while it is not. */
  @Nullable String lost() {
    return lost;
  }

  /**
   * Registers a command and sends what begins it; both happen again after a reconnect until the
   * guest has answered.
   */
  void begin(RemoteCommand command) {
    lock.lock();
    try {
      commands.put(command.id(), command);
    } finally {
      lock.unlock();
    }
    String why = lost;
    if (why != null) {
      command.onLost(why);
      return;
    }
    command.attach(outbox);
    send(to -> {});
  }

  /** The command that is known here by this id. */
  @Nullable RemoteCommand command(long id) {
    return commands.get(id);
  }

  /** Where frames go to; what is added there is lost with the connection. */
  Outbox outbox() {
    return outbox;
  }

  /** Sends frames; the caller may have to wait for the guest to read. */
  void send(Consumer<FrameWriter> frames) {
    outbox.add(forgets::tell);
    outbox.add(frames);
    outbox.flush();
  }

  /** Frames from this command are of no interest any more. */
  void abandon(RemoteCommand command) {
    commands.remove(command.id(), command);
  }

  /**
   * The host has this command's result: the guest is told with the next frames, or a little later.
   */
  void forget(RemoteCommand command) {
    abandon(command);
    forgets.add(command.id());
  }

  /** Connections for transfers that follow each other. */
  Spares spares() {
    return spares;
  }

  /** Closes this, over which something is transferred, when the guest is lost. */
  void enlist(Closeable transfer) {
    transfers.add(transfer);
    if (lost != null) {
      Watch.quietly(transfer);
    }
  }

  /** Ends what {@link #enlist} began. */
  void dismiss(@Nullable Closeable transfer) {
    if (transfer != null) {
      transfers.remove(transfer);
    }
  }

  /** Asks with a frame and waits for the answer to this key; asks again on each new connection. */
  <T> T ask(String tried, Object key, Class<T> type, Duration atMost, Consumer<FrameWriter> frame)
      throws InterruptedException {
    long deadline = System.nanoTime() + Watch.nanos(atMost);
    try (Answers.Waiting waiting = answers.expect(key)) {
      String why = lost;
      while (why == null) {
        send(frame);
        Object answer = waiting.await(deadline - System.nanoTime());
        if (type.isInstance(answer)) {
          return type.cast(answer);
        }
        why = lost;
        if (answer == null && why == null) {
          why = "its guest did not answer within " + atMost.toMillis() + " ms";
        }
      }
      throw faults.lost(tried, why);
    }
  }

  /** Whether the guest answers within this time. */
  boolean ping(Duration atMost) throws InterruptedException {
    long number = ThreadLocalRandom.current().nextLong();
    try {
      ask("ping", number, Long.class, atMost, to -> to.begin(Wire.PING).u64(number).end());
      return true;
    } catch (SandboxLostException e) {
      return false;
    }
  }

  /**
   * Frames to be sent first on every new connection, and who is told of connections to the guest's
   * listeners.
   */
  void onReconnect(List<Consumer<FrameWriter>> frames, BiConsumer<Long, Long> incoming) {
    this.incoming = incoming;
    this.atReconnect = List.copyOf(frames);
  }

  /** Tells the guest to end, without waiting for it. */
  void shutdown() {
    send(to -> to.begin(Wire.SHUTDOWN).u32(0).end());
  }

  /** Lets go of the guest. Everybody who waits is told that the sandbox is lost. */
  @Override
  public void close() {
    if (lost == null) {
      send(to -> {});
    }
    lose("it was stopped or let go by this process");
  }

  private void lose(String why) {
    Connection last;
    lock.lock();
    try {
      if (lost == null) {
        lost = why;
      }
      last = connection;
      connection = null;
    } finally {
      lock.unlock();
    }
    outbox.connect(null);
    Watch.quietly(last);
    commands.values().forEach(command -> command.onLost(why));
    commands.clear();
    transfers.forEach(Watch::quietly);
    spares.close();
    answers.wakeAll();
  }

  @SuppressWarnings("try") // A watch is not spoken to: it works by being open.
  private void run(Connection first) {
    Connection current = first;
    try (Watch liveness = Watch.every(LOOKS, this::checkLiveness)) {
      int flaps = 0;
      while (lost == null) {
        long since = System.nanoTime();
        String why = read(current);
        flaps = System.nanoTime() - since > STEADY_NANOS ? 0 : flaps + 1;
        outbox.connect(null);
        Watch.quietly(current);
        if (flaps > MOST_FLAPS) {
          throw new IOException(why + ", again and again");
        }
        // A guest that breaks each connection at once must not keep this host busy.
        Thread.sleep(Math.min(flaps / 4, 50));
        current = lost == null ? reconnect(why) : current;
      }
    } catch (ProtocolException e) {
      lose("its guest broke the protocol (" + e.getMessage() + ")");
    } catch (IOException e) {
      lose(String.valueOf(e.getMessage()));
    } catch (InterruptedException | RuntimeException | OutOfMemoryError e) {
      lose("its reader failed (" + e + ")");
    }
  }

  /** Reads until the connection breaks, and says how it broke. */
  private String read(Connection from) throws ProtocolException {
    try {
      while (true) {
        int type = from.reader().next();
        heard = System.nanoTime();
        if (type < 0) {
          return "its guest closed the connection";
        }
        dispatch(type, from.reader());
        from.reader().end();
      }
    } catch (ProtocolException e) {
      throw e;
    } catch (IOException e) {
      return "the connection to its guest broke (" + e.getMessage() + ")";
    }
  }

  private void dispatch(int type, FrameReader in) throws IOException {
    switch (type) {
      case Wire.STARTED, Wire.OUTPUT, Wire.TAKEN, Wire.EXIT, Wire.UNKNOWN, Wire.DETACHED -> {
        if (Peeked.offer(type, in, answers)) {
          return;
        }
        RemoteCommand command = commands.get(in.u64());
        if (command == null) {
          in.rest();
        } else {
          command.onFrame(type, in);
        }
      }
      case Wire.LISTING -> answers.give(Wire.LISTING, Listing.read(in));
      case Wire.PONG -> {
        long number = in.u64();
        answers.give(number, number);
      }
      case Wire.LISTENING ->
          answers.give(Listening.key(in.u64()), new Listening(in.u32(), in.u16()));
      case Wire.INCOMING -> {
        long listener = in.u64();
        long number = in.u64();
        BiConsumer<Long, Long> taker = incoming;
        if (taker != null) {
          taker.accept(listener, number);
        }
      }
      case Wire.FAULT -> throw Connection.fault(in);
      default -> throw new ProtocolException("a frame of type " + type);
    }
  }

  /** The guest's answer to LISTEN. */
  record Listening(long errno, int port) {
    static Object key(long listener) {
      return "listener " + listener;
    }
  }

  private Connection reconnect(String why) throws IOException, InterruptedException {
    long patience = Math.min(Watch.nanos(link.patience()), MOST_PATIENCE.toNanos());
    long deadline = System.nanoTime() + patience;
    long pause = 2;
    Duration answer = ANSWER_WITHIN;
    while (lost == null && !link.gone() && System.nanoTime() - deadline < 0) {
      try {
        Connection next = Connection.open(link, answer, () -> lost != null || link.gone());
        if (!next.welcome().identity().equals(identity)) {
          Watch.quietly(next);
          throw new ProtocolException("another guest answers in its place");
        }
        resume(next);
        return next;
      } catch (ProtocolException e) {
        throw e;
      } catch (IOException e) {
        Thread.sleep(pause);
        pause = Math.min(pause * 2, 250);
        answer = answer.compareTo(LONGEST_ANSWER) < 0 ? answer.multipliedBy(2) : answer;
      }
    }
    throw new IOException(link.gone() ? link.whyGone() : why);
  }

  /** Brings the state of commands and listeners in order on a new connection. */
  private void resume(Connection next) {
    List<RemoteCommand> known;
    lock.lock();
    try {
      if (lost != null) {
        Watch.quietly(next);
        return;
      }
      connection = next;
      heard = System.nanoTime();
      outbox.connect(next.channel());
      known = List.copyOf(commands.values());
    } finally {
      lock.unlock();
    }
    outbox.add(forgets::tellAgain);
    atReconnect.forEach(outbox::add);
    known.forEach(command -> command.attach(outbox));
    outbox.flush();
    answers.wakeAll();
  }

  /** Breaks a connection over which nothing goes any more although something should. */
  private void checkLiveness() {
    long now = System.nanoTime();
    long writing = outbox.writingSince();
    long silence = now - heard;
    boolean stuck = writing != 0 && now - writing > STALL_NANOS;
    boolean waiting = !commands.isEmpty() || !transfers.isEmpty() || answers.isAwaited();
    if (waiting && silence > LOOKS.toNanos()) {
      Thread.ofVirtual().start(this::checkStopped);
    }
    if (stuck || (waiting && silence > STALL_NANOS)) {
      Thread.ofVirtual().start(this::breakOff);
    } else if (waiting && silence > SILENCE_NANOS) {
      askForSign();
    }
  }

  /** Whatever comes of it is heard. In a thread of its own, as the guest may not be reading. */
  private void askForSign() {
    Thread.ofVirtual().start(() -> send(to -> to.begin(Wire.PING).u64(0).end()));
  }

  /**
   * A guest that is slow to answer on a busy host is not lost; one that is seen to be stopped is.
   */
  private void checkStopped() {
    try {
      if (stopCheck.look()) {
        lose("its guest is stopped (SIGSTOP), and so answers nothing");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void breakOff() {
    Connection current;
    lock.lock();
    try {
      current = connection;
    } finally {
      lock.unlock();
    }
    Watch.quietly(current);
  }
}
