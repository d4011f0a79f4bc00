package dev.berth.core.guest;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A guard over blocking input and output, which knows no timeouts: it closes a channel when its
 * time is up. Closing the watch ends it. One daemon thread serves all watches of the process; it
 * only looks at the time, all else it hands to virtual threads.
 */
final class Watch implements AutoCloseable {
  private static final ScheduledThreadPoolExecutor CLOCK = clock();

  private final java.util.concurrent.Future<?> task;

  private Watch(java.util.concurrent.Future<?> task) {
    this.task = task;
  }

  /** Closes {@code channel} after this time. */
  static Watch limit(Closeable channel, Duration atMost) {
    return new Watch(CLOCK.schedule(() -> shut(channel), nanos(atMost), TimeUnit.NANOSECONDS));
  }

  /** Closes {@code channel} after this time, or as soon as {@code gone} is seen to be true. */
  static Watch limit(Closeable channel, Duration atMost, BooleanSupplier gone) {
    long deadline = System.nanoTime() + nanos(atMost);
    return every(
        Duration.ofMillis(20),
        () -> {
          if (deadline - System.nanoTime() < 0 || gone.getAsBoolean()) {
            shut(channel);
          }
        });
  }

  /** Runs {@code check}, which must be quick, again and again. */
  static Watch every(Duration period, Runnable check) {
    long nanos = nanos(period);
    return new Watch(CLOCK.scheduleWithFixedDelay(check, nanos, nanos, TimeUnit.NANOSECONDS));
  }

  /** Runs {@code task} once, on a virtual thread. */
  static void later(Duration delay, Runnable task) {
    new Watch(
        CLOCK.schedule(() -> Thread.ofVirtual().start(task), nanos(delay), TimeUnit.NANOSECONDS));
  }

  /** Closes quietly: there is nobody who could do anything about a failure. */
  static void quietly(@Nullable Closeable channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // Closed is closed.
      }
    }
  }

  @Override
  public void close() {
    task.cancel(false);
  }

  /** Nanoseconds, at most some 146 years of them. */
  static long nanos(Duration duration) {
    return duration.compareTo(Duration.ofNanos(Long.MAX_VALUE / 2)) > 0
        ? Long.MAX_VALUE / 2
        : duration.toNanos();
  }

  private static void shut(Closeable channel) {
    Thread.ofVirtual().start(() -> quietly(channel));
  }

  private static ScheduledThreadPoolExecutor clock() {
    ScheduledThreadPoolExecutor clock =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("berth-clock").factory());
    clock.setRemoveOnCancelPolicy(true);
    return clock;
  }
}
