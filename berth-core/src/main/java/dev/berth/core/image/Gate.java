package dev.berth.core.image;

import dev.berth.core.state.Lease;
import java.io.File;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A short critical section over threads and processes: a lock of this JVM, and within it a locked
 * file that is never deleted.
 */
final class Gate {
  private static final ConcurrentHashMap<File, ReentrantLock> LOCKS = new ConcurrentHashMap<>();
  private static final long FIRST_PAUSE_NANOS = 200_000;
  private static final long LONGEST_PAUSE_NANOS = 10_000_000;
  private static final long LIMIT_NANOS = 120_000_000_000L;

  private Gate() {}

  /** What is done inside. */
  interface Action<T> {
    T run() throws IOException;
  }

  static <T> T pass(File file, Action<T> action) throws IOException, InterruptedException {
    ReentrantLock lock = LOCKS.computeIfAbsent(file, key -> new ReentrantLock());
    lock.lockInterruptibly();
    try {
      Lease lease = await(file);
      try (lease) {
        return action.run();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Locks a file that stays, making it if need be; empty if another has it. */
  static Optional<Lease> tryTake(File file) throws IOException {
    Optional<Lease> lease = Lease.take(file);
    return lease.isPresent() || file.exists() ? lease : Lease.create(file, "");
  }

  /** The kernel wakes nobody who waits for a lock without blocking a thread: so this asks again. */
  static void pause(long nanos) throws InterruptedException {
    LockSupport.parkNanos(nanos);
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
  }

  private static Lease await(File file) throws IOException, InterruptedException {
    long start = System.nanoTime();
    long pause = FIRST_PAUSE_NANOS;
    Optional<Lease> lease = tryTake(file);
    while (lease.isEmpty()) {
      if (System.nanoTime() - start > LIMIT_NANOS) {
        throw new IOException(file + " was locked by another process for two minutes");
      }
      pause(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_NANOS);
      lease = tryTake(file);
    }
    return lease.get();
  }
}
