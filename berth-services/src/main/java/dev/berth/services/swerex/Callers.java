package dev.berth.services.swerex;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs the exchanges of the JDK's HTTP server, each in a thread of its own, and bounds what that
 * leaves open: how many callers there are, and how long each may take for the head of his request.
 * Who is beyond that has his connection closed: the thread that reads it is interrupted.
 * Thread-safe.
 */
final class Callers implements Executor, AutoCloseable {
  private static final int READING = 0;
  private static final int READ = 1;
  private static final int CUT = 2;

  private final Semaphore all;
  private final Semaphore heads;
  private final Duration within;
  private final ThreadLocal<Head> current = new ThreadLocal<>();
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("berth-swerex-", 0).factory());
  private final ScheduledThreadPoolExecutor clock =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().daemon().name("berth-swerex-clock").factory());

  /** At most so many callers, so many of whose requests' heads are read at a time, each in this. */
  Callers(int most, int heads, Duration within) {
    this.all = new Semaphore(most);
    this.heads = new Semaphore(heads, true);
    this.within = within;
    // Else each call's limit, and with it the call, would be kept until it had passed.
    clock.setRemoveOnCancelPolicy(true);
  }

  /** The head of a request that is being read. */
  private final class Head {
    private final Thread reader = Thread.currentThread();
    private final AtomicInteger state = new AtomicInteger(READING);

    /** Whether it was in time. */
    boolean done() {
      boolean inTime = state.compareAndSet(READING, READ);
      if (inTime) {
        heads.release();
      }
      return inTime || state.get() == READ;
    }

    void cut() {
      if (state.compareAndSet(READING, CUT)) {
        heads.release();
        reader.interrupt();
      }
    }
  }

  @Override
  public void execute(Runnable exchange) {
    try {
      threads.execute(() -> run(exchange));
    } catch (RejectedExecutionException e) {
      // It is being closed, and all connections with it.
    }
  }

  private void run(Runnable exchange) {
    if (!all.tryAcquire()) {
      drop(exchange);
      return;
    }
    try {
      // Longer than a head may take: places that slow heads held come back only then.
      if (!heads.tryAcquire(2 * within.toMillis(), TimeUnit.MILLISECONDS)) {
        drop(exchange);
        return;
      }
      Head head = new Head();
      current.set(head);
      Future<?> end = after(within, head::cut);
      try {
        exchange.run();
      } finally {
        end.cancel(false);
        head.done();
        current.remove();
      }
    } catch (InterruptedException e) {
      drop(exchange);
    } finally {
      all.release();
    }
  }

  /** Its first read finds the thread interrupted, and closes the connection. */
  private static void drop(Runnable exchange) {
    Thread.currentThread().interrupt();
    exchange.run();
  }

  /** The request of this thread's caller has been read; false if it was cut off just then. */
  boolean headIsRead() {
    Head head = current.get();
    return head != null && head.done();
  }

  /** Has something done later, by a thread that must not wait for it. */
  Future<?> after(Duration delay, Runnable what) {
    return clock.schedule(what, delay.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Interrupts all. */
  @Override
  public void close() {
    threads.shutdownNow();
    clock.shutdownNow();
  }
}
