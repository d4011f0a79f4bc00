package dev.berth.core.guest;

import java.io.Closeable;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Connections over which a transfer went well, kept for a moment because often another follows: it
 * then needs no connection, no proof and no process of its own. A few at most, and soon none; the
 * guest lets go of its end a little later. Thread-safe.
 */
final class Spares implements Closeable {
  private static final int MOST = 8;

  /** Well below the time for which the guest waits. */
  private static final Duration KEPT = Duration.ofMillis(300);

  private final ReentrantLock lock = new ReentrantLock();
  private final Deque<Spare> idle = new ArrayDeque<>();
  private boolean swept;
  private boolean closed;

  /** One of them, and since when nothing goes over it. */
  record Spare(ByteChannel channel, FrameReader frames, long since) {
    boolean old() {
      return System.nanoTime() - since > KEPT.toNanos();
    }
  }

  /** One that is now the caller's; null if there is none. */
  @Nullable Spare take() {
    lock.lock();
    try {
      Spare last = idle.peekLast();
      return last == null || last.old() ? null : idle.pollLast();
    } finally {
      lock.unlock();
    }
  }

  /** Takes a connection over, and closes it if there is no room. */
  void keep(ByteChannel channel, FrameReader frames) {
    frames.clear();
    boolean kept = false;
    lock.lock();
    try {
      if (!closed && idle.size() < MOST) {
        idle.addLast(new Spare(channel, frames, System.nanoTime()));
        kept = true;
        if (!swept) {
          swept = true;
          Watch.later(KEPT, this::sweep);
        }
      }
    } finally {
      lock.unlock();
    }
    if (!kept) {
      Watch.quietly(channel);
    }
  }

  private void sweep() {
    List<Spare> old = new ArrayList<>();
    lock.lock();
    try {
      // The oldest are in front: what is kept last is taken first.
      while (!idle.isEmpty() && idle.element().old()) {
        old.add(idle.remove());
      }
      swept = !idle.isEmpty();
      if (swept) {
        Watch.later(KEPT, this::sweep);
      }
    } finally {
      lock.unlock();
    }
    old.forEach(spare -> Watch.quietly(spare.channel()));
  }

  @Override
  public void close() {
    List<Spare> all;
    lock.lock();
    try {
      closed = true;
      all = List.copyOf(idle);
      idle.clear();
    } finally {
      lock.unlock();
    }
    all.forEach(spare -> Watch.quietly(spare.channel()));
  }
}
