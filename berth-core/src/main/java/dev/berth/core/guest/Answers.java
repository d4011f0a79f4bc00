package dev.berth.core.guest;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Brings the guest's answers to those who asked, by a key that both know. What nobody waits for is
 * dropped. Thread-safe.
 */
final class Answers {
  /**
   * What a waiting caller gets when it is to look around: the connection is a new one, or there
   * will be none.
   */
  static final Object LOOK = new Object();

  private final ReentrantLock lock = new ReentrantLock();
  private final List<Waiting> waiting = new ArrayList<>();

  /** Somebody who waits for an answer. */
  final class Waiting implements AutoCloseable {
    private final Object key;
    private final Condition came = lock.newCondition();
    private @Nullable Object answer;

    private Waiting(Object key) {
      this.key = key;
      waiting.add(this);
    }

    /** The answer, {@link #LOOK}, or null when the time is up. */
    @Nullable Object await(long nanos) throws InterruptedException {
      lock.lockInterruptibly();
      try {
        long left = nanos;
        while (answer == null && left > 0) {
          left = came.awaitNanos(left);
        }
        Object given = answer;
        answer = null;
        return given;
      } finally {
        lock.unlock();
      }
    }

    private void give(Object what) {
      answer = what;
      came.signalAll();
    }

    @Override
    public void close() {
      lock.lock();
      try {
        waiting.remove(this);
      } finally {
        lock.unlock();
      }
    }
  }

  Waiting expect(Object key) {
    lock.lock();
    try {
      return new Waiting(key);
    } finally {
      lock.unlock();
    }
  }

  void give(Object key, Object answer) {
    lock.lock();
    try {
      for (Waiting each : waiting) {
        if (each.key.equals(key)) {
          each.give(answer);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  void wakeAll() {
    lock.lock();
    try {
      waiting.forEach(each -> each.give(LOOK));
    } finally {
      lock.unlock();
    }
  }

  boolean isAwaited() {
    lock.lock();
    try {
      return !waiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }
}
