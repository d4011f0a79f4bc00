package dev.berth.services.swerex;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Until when a call may wait. */
final class Deadline {
  private static final long FOREVER = TimeUnit.DAYS.toNanos(36500);

  private final long start = System.nanoTime();
  private final long nanos;

  private Deadline(long nanos) {
    this.nanos = nanos;
  }

  /** That long from now; absent for never. */
  static Deadline in(@Nullable Duration limit) {
    return new Deadline(
        limit == null || limit.toDays() >= 36500 ? FOREVER : Math.max(0, limit.toNanos()));
  }

  /** What is left, never below 0. */
  long left() {
    return Math.max(0, nanos - (System.nanoTime() - start));
  }

  boolean lock(ReentrantLock lock) throws InterruptedException {
    return lock.tryLock(left(), TimeUnit.NANOSECONDS);
  }
}
