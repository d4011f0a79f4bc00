package dev.berth.core.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What goes to a guest. Frames are first {@linkplain #add added}, then {@linkplain #flush()
 * flushed}: whoever comes while nobody writes, writes, and takes along what others add meanwhile.
 * So no thread is woken to write, and many callers share one system call. Frames are lost when the
 * connection is; whoever added them brings their state in order on the next. What can be queued is
 * bounded by those who add: a command has one SPAWN and one window of input at most. Thread-safe.
 */
final class Outbox {
  private static final int KEPT = 1 << 12;
  private static final int KEPT_BUSY = 1 << 16;
  private static final int SLICE = 1 << 16;
  private static final int SMALL = 1 << 12;

  private final ReentrantLock lock = new ReentrantLock();
  private FrameWriter filling = new FrameWriter(KEPT);
  private FrameWriter flying = new FrameWriter(KEPT);
  private @Nullable WritableByteChannel channel;
  private int generation;
  private boolean writing;
  private volatile long writingSince;

  /**
   * Sends to this channel from now on; {@code null} for nowhere. What waits for the earlier one is
   * dropped.
   */
  void connect(@Nullable WritableByteChannel next) {
    lock.lock();
    try {
      channel = next;
      generation++;
      filling.clear(KEPT);
    } finally {
      lock.unlock();
    }
  }

  /** Counts the connections; to be asked while frames are added. */
  int generation() {
    return generation;
  }

  /**
   * Adds frames, without waiting; does nothing while there is no connection. {@code frames} must be
   * quick and may take no lock.
   */
  void add(Consumer<FrameWriter> frames) {
    lock.lock();
    try {
      if (channel != null) {
        frames.accept(filling);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Sees to it that what was added is written. The caller may do the writing itself, and so wait
   * for the guest; no lock that the reader of the connection needs may be held. An interrupt is
   * kept until afterwards, because it would close the channel for everybody.
   */
  void flush() {
    boolean interrupted = Thread.interrupted();
    lock.lock();
    try {
      if (!writing && !filling.isEmpty()) {
        writing = true;
        try {
          drain();
        } finally {
          writing = false;
          writingSince = 0;
        }
      }
    } finally {
      lock.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * The same for the reader of the connection: it must not wait for a guest that in turn waits to
   * be read, so it lets others write what may not fit into the socket at once.
   */
  void flushFromReader() {
    int size;
    lock.lock();
    try {
      size = writing ? 0 : filling.size();
    } finally {
      lock.unlock();
    }
    if (size > SMALL) {
      Thread.ofVirtual().start(this::flush);
    } else if (size > 0) {
      flush();
    }
  }

  /** Since when one piece is being written ({@link System#nanoTime()}), or 0. */
  long writingSince() {
    return writingSince;
  }

  /** Writes until nothing is left. Called with the lock, which is let go while writing. */
  @SuppressWarnings("LockNotBeforeTry") // It is taken back, not taken.
  private void drain() {
    while (channel != null && !filling.isEmpty()) {
      WritableByteChannel to = channel;
      FrameWriter full = filling;
      filling = flying;
      flying = full;
      lock.unlock();
      boolean broken = true;
      try {
        write(to, full.view());
        broken = false;
      } catch (IOException e) {
        // The reader sees the same break, and reconnects or gives up.
        Watch.quietly(to);
      } finally {
        lock.lock();
        full.clear(KEPT_BUSY);
      }
      if (broken && to.equals(channel)) {
        channel = null;
        filling.clear(KEPT);
      }
    }
  }

  private void write(WritableByteChannel to, ByteBuffer all) throws IOException {
    int size = all.limit();
    while (all.position() < size) {
      writingSince = System.nanoTime() | 1;
      all.limit(Math.min(size, all.position() + SLICE));
      to.write(all);
    }
  }
}
