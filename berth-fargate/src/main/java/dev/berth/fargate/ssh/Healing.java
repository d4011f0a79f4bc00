package dev.berth.fargate.ssh;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An SSH connection that comes back after a break: one virtual thread waits for its end and makes
 * the next, with growing, jittered pauses, until it is closed, the task has ended, whoever answers
 * is another, or it has not worked for too long. Thread-safe.
 */
final class Healing implements AutoCloseable {
  private static final long FIRST_PAUSE_MILLIS = 10;

  /** While the server comes up, every moment counts; after a break many come back at once. */
  private static final long LONGEST_AT_START_MILLIS = 20;

  /** What one more that waits adds to everybody's pauses: two hundred must not take a processor. */
  private static final long PAUSE_FOR_EACH_MILLIS = 2;

  private static final AtomicInteger WAITING = new AtomicInteger();

  private static final long LONGEST_AFTER_BREAK_MILLIS = 800;

  /**
   * A packet to an address that is not there yet is lost, and sent again only after a second: so
   * most attempts are short, but not all, for the sake of far networks.
   */
  private static final Duration SHORT = Duration.ofMillis(400);

  private static final Duration LONG = Duration.ofMillis(2500);

  private final Attempt attempt;
  private final Supplier<@Nullable String> ended;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private @Nullable SshConnection current;
  private volatile @Nullable String lost;
  private @Nullable Thread keeper;

  /** Makes one connection, with all that belongs to it. */
  interface Attempt {
    /**
     * Connects once, reaching the server's address within this time.
     *
     * @throws SshConnection.Refused if no further attempt will do
     */
    SshConnection open(Duration reachWithin) throws IOException, InterruptedException;
  }

  /** {@code ended} says why the task is no more; null while it is. */
  Healing(Attempt attempt, Supplier<@Nullable String> ended) {
    this.attempt = attempt;
    this.ended = ended;
  }

  /** Makes the first connection, as often as need be, and keeps it up from then on. */
  void start(Duration readyWithin, Duration healWithin) throws IOException, InterruptedException {
    SshConnection first = connect(readyWithin, LONGEST_AT_START_MILLIS);
    lock.lock();
    try {
      if (lost != null) {
        first.close();
        throw new IOException(lost);
      }
      current = first;
      keeper = Thread.ofVirtual().name("berth-ssh-keeper").start(() -> keep(first, healWithin));
    } finally {
      lock.unlock();
    }
  }

  /** Why there is no way any more; null while there is, or may be again. */
  @Nullable String lost() {
    return lost;
  }

  /** Whether it is up now, as far as is known. */
  boolean isUp() {
    lock.lock();
    try {
      return lost == null && current != null && current.isOpen();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The connection; waits while it heals.
   *
   * @throws IOException if there is none in this time, or never will be
   */
  SshConnection connection(Duration atMost) throws IOException, InterruptedException {
    long left = atMost.toNanos();
    lock.lockInterruptibly();
    try {
      while (true) {
        if (lost != null) {
          throw new IOException(lost);
        }
        SshConnection now = current;
        if (now != null && now.isOpen()) {
          return now;
        }
        if (left <= 0) {
          throw new IOException("the SSH tunnel is broken at the moment");
        }
        left = changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lose("the SSH tunnel was closed");
  }

  private void lose(String why) {
    SshConnection last;
    Thread waiting;
    lock.lock();
    try {
      if (lost == null) {
        lost = why;
      }
      last = current;
      current = null;
      waiting = keeper;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (last != null) {
      last.close();
    }
    if (waiting != null && !waiting.equals(Thread.currentThread())) {
      waiting.interrupt();
    }
  }

  private void keep(SshConnection first, Duration healWithin) {
    SshConnection now = first;
    try {
      while (lost == null) {
        now.awaitEnd();
        become(null);
        now = connect(healWithin, LONGEST_AFTER_BREAK_MILLIS);
        become(now);
      }
    } catch (IOException e) {
      lose(String.valueOf(e.getMessage()));
    } catch (Throwable e) {
      // Whatever it is: nobody must wait for a keeper that is no more.
      lose("the SSH tunnel was given up (" + e + ")");
    }
  }

  private void become(@Nullable SshConnection next) {
    boolean late;
    lock.lock();
    try {
      late = lost != null;
      current = late ? null : next;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (late && next != null) {
      next.close();
    }
  }

  private SshConnection connect(Duration within, long longestPause)
      throws IOException, InterruptedException {
    WAITING.incrementAndGet();
    try {
      return tryUntil(System.nanoTime() + within.toNanos(), within, longestPause);
    } finally {
      WAITING.decrementAndGet();
    }
  }

  private SshConnection tryUntil(long deadline, Duration within, long longestPause)
      throws IOException, InterruptedException {
    long pause = FIRST_PAUSE_MILLIS;
    for (int number = 1; ; number++) {
      String why = lost != null ? lost : ended.get();
      if (why != null) {
        throw new IOException(why);
      }
      try {
        return attempt.open(number % 3 == 0 ? LONG : SHORT);
      } catch (SshConnection.Refused e) {
        throw e;
      } catch (IOException e) {
        if (System.nanoTime() - deadline > 0) {
          throw new IOException(
              "its sidecar could not be reached by SSH for " + within + ": " + e.getMessage(), e);
        }
      }
      // Many tunnels that break at once must not come back at once.
      Thread.sleep(pause / 2 + ThreadLocalRandom.current().nextLong(pause));
      pause = Math.min(pause * 2, longestPause + PAUSE_FOR_EACH_MILLIS * (WAITING.get() - 1));
    }
  }
}
