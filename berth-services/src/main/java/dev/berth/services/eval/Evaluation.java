package dev.berth.services.eval;

import dev.berth.CreateException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxLostException;
import dev.berth.TransferException;
import dev.berth.core.Berth;
import dev.berth.services.eval.Attempt.Ended;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * A run of tasks, some at a time, each in a sandbox of its own that ends with it. Results go to the
 * folder as they come. An interrupt ends the sandboxes that run; those tasks have no result then.
 *
 * <p>Only a failure of the sandbox is tried again: that it could not be had, was lost, or took no
 * files; after all others had their turn, and a few times at most. A test's failure stands.
 */
public final class Evaluation {
  /** A sandbox that has not ended a command this long after its time is stopped. */
  private static final Duration OVERTIME = Duration.ofSeconds(10);

  private final Berth berth;
  private final EvalFolder folder;
  private final int jobs;
  private final int retries;
  private final Listener listener;
  private final Queue<Turn> waiting = new ConcurrentLinkedQueue<>();

  /**
   * A run that is to begin.
   *
   * @param jobs how many at a time
   * @param retries how often a task is begun again after a failure of its sandbox
   */
  public Evaluation(Berth berth, EvalFolder folder, int jobs, int retries, Listener listener) {
    this.berth = berth;
    this.folder = folder;
    this.jobs = jobs;
    this.retries = retries;
    this.listener = listener;
  }

  /** A task and how often it was begun. */
  private record Turn(Task task, int attempts) {}

  /** Hears how it goes on, from several threads. */
  public interface Listener {
    /** A task has a sandbox made for it. */
    void begins(Task task);

    /** A task has a result that is kept, or, if {@code again}, will be begun again. */
    void ends(Result result, boolean again);
  }

  /**
   * Runs those tasks whose results do not stand yet. Call it once.
   *
   * @throws SandboxException if the provider cannot be had at all
   * @throws IOException if the folder cannot be written; what is there stays
   */
  public void run(List<Task> tasks) throws InterruptedException, IOException {
    berth.provider();
    for (Task task : tasks) {
      if (folder.result(task).filter(result -> result.verdict().isFinal()).isEmpty()) {
        waiting.add(new Turn(task, 0));
      }
    }
    int workers = Math.min(jobs, waiting.size());
    List<Future<?>> running = new ArrayList<>();
    try (ScheduledExecutorService clock = clock();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < workers; i++) {
        running.add(
            threads.submit(() -> {
              work(clock);
              return null;
            }));
      }
      try {
        for (Future<?> worker : running) {
          join(worker);
        }
      } catch (InterruptedException | IOException | RuntimeException e) {
        threads.shutdownNow();
        throw e;
      }
    }
  }

  /** Forgets what is cancelled at once: it would hold sandboxes that are long gone. */
  private static ScheduledExecutorService clock() {
    ScheduledThreadPoolExecutor clock =
        new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().daemon().factory());
    clock.setRemoveOnCancelPolicy(true);
    return clock;
  }

  private void work(ScheduledExecutorService clock) throws InterruptedException, IOException {
    try {
      for (Turn turn = waiting.poll(); turn != null; turn = waiting.poll()) {
        turn(turn, clock);
      }
    } catch (IOException | RuntimeException e) {
      // The others are waited for one by one: none of them is to begin anything more.
      waiting.clear();
      throw e;
    }
  }

  private void turn(Turn turn, ScheduledExecutorService clock)
      throws InterruptedException, IOException {
    Task task = turn.task();
    int number = turn.attempts() + 1;
    listener.begins(task);
    try (InstanceLog log = folder.log(task, number > 1)) {
      Attempt attempt = new Attempt(task, log);
      log.say("attempt " + number);
      boolean retry = false;
      Ended end;
      Phase last = Phase.CREATE;
      try (Sandbox sandbox = berth.create(task.spec())) {
        attempt.startClock();
        ScheduledFuture<?> stop =
            clock.schedule(
                () -> Thread.startVirtualThread(sandbox::stop),
                Attempt.nanos(task.timeout()) + OVERTIME.toNanos(),
                TimeUnit.NANOSECONDS);
        try {
          end = lead(sandbox, attempt);
        } finally {
          stop.cancel(false);
          last = attempt.phase();
          attempt.enter(Phase.STOP);
        }
      } catch (CreateException | SandboxLostException | TransferException e) {
        retry = !attempt.late();
        end = attempt.late() ? attempt.timeout() : new Ended(Verdict.ERROR, message(e));
      } catch (SandboxException e) {
        end = new Ended(Verdict.ERROR, message(e));
      }
      attempt.enter(Phase.STOP);
      log.say(end.verdict().word() + " " + end.reason());
      boolean again = retry && number <= retries;
      Result result = attempt.result(last, end.verdict(), end.reason(), number);
      if (again) {
        waiting.add(new Turn(task, number));
      } else {
        folder.append(result);
      }
      listener.ends(result, again);
    }
  }

  private static Ended lead(Sandbox sandbox, Attempt attempt) throws InterruptedException {
    try {
      new Way(sandbox, attempt).go();
      return new Ended(Verdict.PASSED, "");
    } catch (Ended end) {
      return end;
    }
  }

  private static String message(SandboxException failure) {
    String message = failure.getMessage();
    return message == null ? failure.toString() : message;
  }

  private static void join(Future<?> worker) throws InterruptedException, IOException {
    try {
      worker.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException failure -> throw failure;
        case java.io.UncheckedIOException failure ->
            throw new IOException(failure.getMessage(), failure);
        case RuntimeException failure -> throw failure;
        case InterruptedException interrupted -> throw interrupted;
        case null, default -> throw new IllegalStateException(e.getCause());
      }
    }
  }
}
