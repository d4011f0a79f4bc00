package dev.berth.fargate;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A rate that many threads keep together: so many calls at once, then one after each interval.
 * Thread-safe.
 */
public final class Pace {
  private final long interval;
  private final long burst;
  private final ReentrantLock lock = new ReentrantLock();
  private long next = System.nanoTime();

  /** As many calls at once as {@code burst}, then one after each interval. */
  public Pace(int burst, Duration interval) {
    this.interval = interval.toNanos();
    this.burst = burst * this.interval;
  }

  /** Waits for this caller's turn. */
  public void await() throws InterruptedException {
    long turn;
    lock.lock();
    try {
      long now = System.nanoTime();
      next = Math.max(next, now - burst) + interval;
      turn = next - now;
    } finally {
      lock.unlock();
    }
    if (turn > 0) {
      TimeUnit.NANOSECONDS.sleep(turn);
    }
  }

  /**
   * The pause before the n-th further try, from 0: a random part of a span that doubles up to its
   * limit, so that many who failed together do not come back together.
   */
  public static Duration backoff(int tries, Duration first, Duration longest) {
    long span = Math.min(longest.toNanos(), first.toNanos() << Math.min(tries, 20));
    return Duration.ofNanos(span / 2 + ThreadLocalRandom.current().nextLong(span / 2 + 1));
  }
}
