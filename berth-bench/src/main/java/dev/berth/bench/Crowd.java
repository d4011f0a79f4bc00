package dev.berth.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/** Many callers at a time on a few sandboxes of one contender. Closing it ends the sandboxes. */
final class Crowd implements AutoCloseable {
  private final List<Box> boxes = new ArrayList<>();

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
    return perSecond(commands, caller -> boxes.get(caller % boxes.size())::runTrue);
  }

  /** The same without sandboxes: {@code command} says what each caller runs. */
  static double perSecond(int commands, IntFunction<Rounds.Operation> command)
      throws InterruptedException {
    AtomicInteger left = new AtomicInteger(commands);
    long start;
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      start = System.nanoTime();
      for (int caller = 0; caller < Plan.CALLERS; caller++) {
        Rounds.Operation operation = command.apply(caller);
        running.add(
            callers.submit(() -> {
              while (left.getAndDecrement() > 0) {
                operation.run();
              }
              return null;
            }));
      }
      await(running);
    }
    return commands * 1e9 / (System.nanoTime() - start);
  }

  /** Ends the sandboxes, all at the same time. */
  @Override
  public void close() {
    List<Future<?>> stops = new ArrayList<>();
    try (ExecutorService enders = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Box box : boxes) {
        stops.add(
            enders.submit(() -> {
              box.stop();
              return null;
            }));
      }
      await(stops);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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
