package dev.berth.fargate;

import dev.berth.CreateException;
import dev.berth.SandboxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import software.amazon.awssdk.core.exception.AbortedException;

/**
 * Questions for the state of single tasks, each answered by a call that was sent after it was
 * asked. While one call is under way those who come wait together for the next, a hundred with one
 * call: so two hundred who ask at once cost three calls, and one alone does not wait. Thread-safe.
 */
final class TaskQuestions {
  private static final int AT_ONCE = 100;

  private final Function<List<String>, List<TaskState>> describe;
  private final ReentrantLock lock = new ReentrantLock();
  private Map<String, CompletableFuture<Optional<TaskState>>> waiting = new LinkedHashMap<>();
  private boolean asking;

  /** {@code describe} answers for those tasks that ECS knows, each time within a limit. */
  TaskQuestions(Function<List<String>, List<TaskState>> describe) {
    this.describe = describe;
  }

  /**
   * What ECS says of one task; empty if it does not know it any more.
   *
   * @throws SandboxException if it did not say so in this time
   */
  Optional<TaskState> ask(String arn, Duration atMost) {
    CompletableFuture<Optional<TaskState>> answer;
    lock.lock();
    try {
      answer = waiting.computeIfAbsent(arn, key -> new CompletableFuture<>());
      if (!asking) {
        Thread.ofVirtual().name("berth-ecs-ask").start(this::run);
        asking = true;
      }
    } finally {
      lock.unlock();
    }
    String tried = "ask for the task " + arn;
    try {
      return answer.get(atMost.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SandboxException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    } catch (TimeoutException e) {
      throw new CreateException(
          FargateProvider.NAME,
          null,
          "Tried to " + tried + ", but ECS did not answer within " + atMost + "; try again.",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Aws.failed(null, tried, AbortedException.create("interrupted", e), "");
    }
  }

  private void run() {
    while (true) {
      Map<String, CompletableFuture<Optional<TaskState>>> batch = next();
      if (batch.isEmpty()) {
        return;
      }
      try {
        for (TaskState state : describe.apply(List.copyOf(batch.keySet()))) {
          CompletableFuture<Optional<TaskState>> answer = batch.get(state.arn());
          if (answer != null) {
            answer.complete(Optional.of(state));
          }
        }
        batch.values().forEach(answer -> answer.complete(Optional.empty()));
      } catch (Throwable e) {
        // Whatever it is, it is said to those who wait, and those who come next are asked for.
        batch.values().forEach(answer -> answer.completeExceptionally(e));
      }
    }
  }

  /** Takes what is asked with the next call; nothing, and then nobody asks any more, at the end. */
  private Map<String, CompletableFuture<Optional<TaskState>>> next() {
    lock.lock();
    try {
      if (waiting.size() <= AT_ONCE) {
        Map<String, CompletableFuture<Optional<TaskState>>> all = waiting;
        waiting = new LinkedHashMap<>();
        asking = !all.isEmpty();
        return all;
      }
      Map<String, CompletableFuture<Optional<TaskState>>> some = new LinkedHashMap<>();
      for (String arn : new ArrayList<>(waiting.keySet()).subList(0, AT_ONCE)) {
        some.put(arn, waiting.remove(arn));
      }
      return some;
    } finally {
      lock.unlock();
    }
  }
}
