package dev.berth.core.guest;

import dev.berth.TransferLimits;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a guest that was turned into a plain byte stream. What is written is gathered,
 * together with the handshake, until it is flushed or much, so that something small is one write.
 * It is closed at the end of its time or when nothing moves for too long, unless it was {@linkplain
 * #unwatched() let be}. For one thread, but reading and writing may be done by two once it is open.
 */
final class RawConnection implements Closeable {
  private static final Duration LOOKS = Duration.ofSeconds(5);
  private static final Duration CONNECT_WITHIN = Duration.ofSeconds(10);
  private static final Duration LAST_WORDS = Duration.ofSeconds(3);
  private static final int GATHER = 1 << 16;
  private static final int MOST_AT_ONCE = 1 << 26;

  private final ByteChannel channel;
  private final FrameReader frames;
  private final FrameWriter waiting;
  private final Watch watch;
  private volatile long moved = System.nanoTime();
  private final TransferLimits limits;
  private final long began = System.nanoTime();
  private volatile @Nullable String givenUp;
  private final boolean again;
  private boolean opened;
  private @Nullable ByteBuffer early;

  /** The guest refused to open it. */
  static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;
    final long errno;

    Refused(long errno, String reason) {
      super(reason.isEmpty() ? Errno.text(errno) : reason);
      this.errno = errno;
    }
  }

  /** The guest let go of a connection that was kept, before it began anything. */
  static final class Stale extends IOException {
    private static final long serialVersionUID = 1L;

    Stale(@Nullable IOException cause) {
      super("the guest closed a connection that was kept", cause);
    }
  }

  private RawConnection(
      ByteChannel channel,
      FrameReader frames,
      FrameWriter waiting,
      TransferLimits limits,
      boolean again) {
    this.again = again;
    this.limits = limits;
    this.channel = channel;
    this.waiting = waiting;
    this.frames = frames;
    this.watch = Watch.every(shorter(LOOKS, limits.silence().dividedBy(4)), this::checkStall);
  }

  /**
   * Connects; {@code open} writes OPEN's payload. Where there is no token to be proven, nothing is
   * sent before the first {@link #flush}.
   */
  @SuppressWarnings("try") // A watch is not spoken to: it works by being open.
  static RawConnection connect(Link link, Consumer<FrameWriter> open, TransferLimits limits)
      throws IOException, InterruptedException {
    ByteChannel channel = link.connect(CONNECT_WITHIN);
    boolean done = false;
    try (Watch watch = Watch.limit(channel, CONNECT_WITHIN)) {
      FrameReader frames = new FrameReader(channel);
      FrameWriter waiting = Handshake.hello(link.token(), channel, frames);
      waiting.begin(Wire.OPEN);
      open.accept(waiting);
      waiting.end();
      done = true;
      return new RawConnection(channel, frames, waiting, limits, false);
    } finally {
      if (!done) {
        Watch.quietly(channel);
      }
    }
  }

  /** Over a connection that was kept; whoever awaits its opening may find it {@link Stale}. */
  static RawConnection again(
      Spares.Spare spare, Consumer<FrameWriter> open, TransferLimits limits) {
    FrameWriter waiting = new FrameWriter(128).begin(Wire.OPEN);
    open.accept(waiting);
    waiting.end();
    return new RawConnection(spare.channel(), spare.frames(), waiting, limits, true);
  }

  /** Gives the connection away, for what comes next; this one is done. */
  void keepIn(Spares spares) {
    watch.close();
    spares.keep(channel, frames);
  }

  /** Sends what waits and, the first time, waits for the guest to open the connection. */
  @SuppressWarnings("try") // A watch is not spoken to: it works by being open.
  void open() throws IOException {
    try {
      flush();
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      // A guest that does not read on may have said why.
      waiting.clear(0);
      try (Watch lastWords = Watch.limit(channel, LAST_WORDS)) {
        awaitOpened();
      }
      throw e;
    }
    awaitOpened();
  }

  private void awaitOpened() throws IOException {
    if (opened) {
      return;
    }
    int type = again ? nextAgain() : nextAfterWelcome();
    if (type == Wire.FAULT) {
      throw Connection.fault(frames);
    }
    if (type != Wire.OPENED) {
      throw type < 0
          ? new IOException("the guest closed the connection")
          : new ProtocolException("a frame of type " + type + " in place of OPENED");
    }
    long errno = frames.u32();
    String reason = frames.str(4096);
    frames.end();
    if (errno != 0) {
      throw new Refused(errno, reason);
    }
    opened = true;
    ByteBuffer unread = frames.unread();
    early = unread.hasRemaining() ? unread : null;
  }

  private int nextAfterWelcome() throws IOException {
    Connection.Welcome.read(frames);
    return frames.next();
  }

  /**
   * A guest that closes its end without an answer has begun nothing: OPENED comes first. What broke
   * on a longer way, or was closed here, says nothing of that, and so is not tried again.
   */
  private int nextAgain() throws IOException {
    int type;
    try {
      type = frames.next();
    } catch (ProtocolException | ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      throw channel instanceof SocketChannel ? new Stale(e) : e;
    }
    if (type < 0) {
      throw new Stale(null);
    }
    return type;
  }

  /** Does without the limit on silence. */
  void unwatched() {
    watch.close();
  }

  /** What is gathered for the next write; to be followed by {@link #gathered()}. */
  FrameWriter gather() {
    return waiting;
  }

  /** Writes what was gathered if it is much. */
  void gathered() throws IOException {
    if (waiting.size() >= GATHER) {
      flush();
    }
  }

  void flush() throws IOException {
    if (!waiting.isEmpty()) {
      write(waiting.view());
      waiting.clear(GATHER * 2);
    }
  }

  /** Writes at once. */
  void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
      moved = System.nanoTime();
    }
  }

  /**
   * Sends a piece of a file, in the kernel where that can be done; returns how much, less than
   * {@code count} only at the file's end.
   */
  long send(FileChannel file, long position, long count) throws IOException {
    long done = 0;
    ByteBuffer buffer = null;
    while (done < count) {
      long sent = 0;
      if (channel instanceof SocketChannel) {
        sent = file.transferTo(position + done, Math.min(count - done, MOST_AT_ONCE), channel);
      }
      if (sent == 0) {
        // No such path in the kernel, a socket that is full and does not wait, or the file's end.
        if (buffer == null) {
          buffer = ByteBuffer.allocateDirect(GATHER);
        }
        buffer.clear().limit((int) Math.min(GATHER, count - done));
        sent = file.read(buffer, position + done);
        if (sent <= 0) {
          return done;
        }
        write(buffer.flip());
      }
      moved = System.nanoTime();
      done += sent;
    }
    return done;
  }

  /** Reads what there is, at least one byte; -1 at the end. */
  int read(ByteBuffer to) throws IOException {
    ByteBuffer first = early;
    if (first != null) {
      int count = Math.min(first.remaining(), to.remaining());
      to.put(first.slice(first.position(), count));
      first.position(first.position() + count);
      if (!first.hasRemaining()) {
        early = null;
      }
      return count;
    }
    int got = channel.read(to);
    moved = System.nanoTime();
    return got;
  }

  /** Ends this side's stream; the other goes on. */
  void shutdownOutput() throws IOException {
    switch (channel) {
      case SocketChannel socket -> socket.shutdownOutput();
      case Link.HalfClosing half -> half.shutdownOutput();
      default -> channel.close();
    }
  }

  /** Why it was closed before its end; null if it was not. */
  @Nullable String givenUp() {
    return givenUp;
  }

  @Override
  public void close() throws IOException {
    watch.close();
    channel.close();
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private void checkStall() {
    long now = System.nanoTime();
    if (now - moved > Watch.nanos(limits.silence())) {
      givenUp = "nothing moved for " + limits.silence().toMillis() / 1000.0 + " s";
    } else if (now - began > Watch.nanos(limits.time())) {
      givenUp = "it was not done after " + limits.time().toMillis() / 1000.0 + " s";
    }
    if (givenUp != null) {
      Thread.ofVirtual().start(() -> Watch.quietly(channel));
    }
  }
}
