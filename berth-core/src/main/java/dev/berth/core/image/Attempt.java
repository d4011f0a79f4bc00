package dev.berth.core.image;

import dev.berth.SandboxException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One making of an image by a thread of this JVM, for which others wait. */
final class Attempt {
  private final CountDownLatch over = new CountDownLatch(1);
  private final List<Consumer<String>> listeners = new CopyOnWriteArrayList<>();
  private volatile boolean made;
  private volatile @Nullable SandboxException failure;

  Attempt(Consumer<String> listener) {
    listeners.add(listener);
  }

  /** What makes the image. */
  interface Work {
    ImageUse run() throws InterruptedException;
  }

  /** Does the work; {@code end} takes this attempt away before those who wait go on. */
  ImageUse run(Work work, Runnable end) throws InterruptedException {
    try {
      ImageUse use = work.run();
      made = true;
      return use;
    } catch (SandboxException e) {
      failure = e;
      throw e;
    } finally {
      // Interrupted, or an error of the program: those who wait try themselves.
      end.run();
      over.countDown();
    }
  }

  /** Hands a line to all who wait. */
  void report(String line) {
    listeners.forEach(listener -> listener.accept(line));
  }

  /**
   * Waits for another thread's attempt.
   *
   * @return whether it made the image; if not, it gave up without an error
   */
  boolean await(Deadline deadline, Consumer<String> progress) throws InterruptedException {
    listeners.add(progress);
    try {
      if (!over.await(deadline.leftNanos(), TimeUnit.NANOSECONDS)) {
        throw deadline.exceeded();
      }
    } finally {
      listeners.remove(progress);
    }
    SandboxException failed = failure;
    if (failed != null) {
      throw failed;
    }
    return made;
  }
}
