package dev.berth.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** Many callers at a time on a few sandboxes of one contender. Closing it ends the sandboxes. */
final class Crowd implements AutoCloseable {
  private final List<Box> boxes = new ArrayList<>();
  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();

  private Crowd() {}

  /** As many sandboxes of this image. */
  static Crowd of(Contender contender, Path image, int sandboxes) throws InterruptedException {
    Crowd crowd = new Crowd();
    try {
      for (int i = 0; i < sandboxes; i++) {
        crowd.boxes.add(contender.create(image));
      }
      return crowd;
    } catch (InterruptedException | RuntimeException e) {
      crowd.close();
      throw e;
    }
  }

  /**
   * Runs so many commands, each caller one after the other, and returns how many there were in a
   * second.
   */
  double perSecond(int commands) throws InterruptedException {
    AtomicInteger left = new AtomicInteger(commands);
    List<Future<?>> running = new ArrayList<>();
    long start = System.nanoTime();
    for (int caller = 0; caller < Plan.CALLERS; caller++) {
      Box box = boxes.get(caller % boxes.size());
      running.add(
          callers.submit(() -> {
            while (left.getAndDecrement() > 0) {
              box.runTrue();
            }
            return null;
          }));
    }
    await(running);
    return commands * 1e9 / (System.nanoTime() - start);
  }

  /** Ends the sandboxes, all at the same time. */
  @Override
  public void close() {
    List<Future<?>> stops = new ArrayList<>();
    for (Box box : boxes) {
      stops.add(
          callers.submit(() -> {
            box.stop();
            return null;
          }));
    }
    try {
      await(stops);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      callers.close();
    }
  }

  private static void await(List<Future<?>> tasks) throws InterruptedException {
    for (Future<?> task : tasks) {
      try {
        task.get();
      } catch (ExecutionException e) {
        throw new IllegalStateException(e.getCause());
      }
    }
  }
}
