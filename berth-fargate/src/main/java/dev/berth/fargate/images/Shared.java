package dev.berth.fargate.images;

import dev.berth.SandboxException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One doing of something for which other threads of this JVM wait: they get its result, its failure
 * and its progress. Thread-safe.
 */
final class Shared {
  private static final ConcurrentHashMap<String, Shared> UNDER_WAY = new ConcurrentHashMap<>();

  private final CountDownLatch over = new CountDownLatch(1);
  private final List<Consumer<String>> listeners = new CopyOnWriteArrayList<>();
  private final AtomicInteger waiting = new AtomicInteger(1);
  private volatile @Nullable String result;
  private volatile @Nullable SandboxException failure;

  private Shared(Consumer<String> progress) {
    listeners.add(progress);
  }

  /** What is done. */
  interface Work {
    String run(Shared self) throws InterruptedException;
  }

  /**
   * Does it, or waits for who does. When that one is interrupted, another of those who wait does it
   * in its place.
   */
  static String run(String key, Duration atMost, Consumer<String> progress, Work work)
      throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    while (true) {
      Shared mine = new Shared(progress);
      Shared other = UNDER_WAY.putIfAbsent(key, mine);
      if (other == null) {
        return mine.lead(key, work);
      }
      String result = other.follow(deadline, atMost, progress);
      if (result != null) {
        return result;
      }
    }
  }

  /** Whether nobody in this JVM but the one who does it wants it any more. */
  boolean alone() {
    return waiting.get() <= 1;
  }

  /** A line for all who wait. A listener that fails hears no more; nobody else is to suffer. */
  void report(String line) {
    for (Consumer<String> listener : listeners) {
      try {
        listener.accept(line);
      } catch (RuntimeException e) {
        listeners.remove(listener);
        System.getLogger(Shared.class.getName())
            .log(System.Logger.Level.WARNING, "a progress listener failed and hears no more", e);
      }
    }
  }

  private String lead(String key, Work work) throws InterruptedException {
    try {
      String made = work.run(this);
      result = made;
      return made;
    } catch (SandboxException e) {
      failure = e;
      throw e;
    } finally {
      UNDER_WAY.remove(key, this);
      over.countDown();
    }
  }

  /** The result; null if whoever was at it gave up without an error. */
  private @Nullable String follow(long deadline, Duration atMost, Consumer<String> progress)
      throws InterruptedException {
    waiting.incrementAndGet();
    listeners.add(progress);
    try {
      progress.accept("waiting for another thread that is at it");
      if (!over.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        throw BuildFailures.late(atMost);
      }
    } finally {
      listeners.remove(progress);
      waiting.decrementAndGet();
    }
    SandboxException failed = failure;
    if (failed != null) {
      throw failed;
    }
    return result;
  }
}
