package dev.berth.cli;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Test modules of CPython, each run once in one of a few sandboxes, which are made of one spec and
 * take the next module as soon as they are done with one. Interrupting it ends them all.
 */
final class Evaluation {
  private final Berth berth;
  private final SandboxSpec spec;
  private final List<String> modules;
  private final int sandboxes;
  private final Duration timeout;
  private final Listener listener;

  Evaluation(
      Berth berth,
      SandboxSpec spec,
      List<String> modules,
      int sandboxes,
      Duration timeout,
      Listener listener) {
    this.berth = berth;
    this.spec = spec;
    this.modules = modules;
    this.sandboxes = sandboxes;
    this.timeout = timeout;
    this.listener = listener;
  }

  /** Runs all and returns the verdicts in the modules' order. */
  List<Verdict> run() throws InterruptedException {
    Queue<String> waiting = new ConcurrentLinkedQueue<>(modules);
    Queue<Verdict> done = new ConcurrentLinkedQueue<>();
    List<Future<?>> workers = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < sandboxes; i++) {
        workers.add(
            threads.submit(() -> {
              work(waiting, done);
              return null;
            }));
      }
      try {
        for (Future<?> worker : workers) {
          join(worker);
        }
      } catch (InterruptedException | RuntimeException e) {
        threads.shutdownNow();
        throw e;
      }
    } finally {
      listener.over();
    }
    List<Verdict> verdicts = new ArrayList<>();
    for (String module : modules) {
      done.stream()
          .filter(verdict -> verdict.module.equals(module))
          .findFirst()
          .ifPresent(verdicts::add);
    }
    return verdicts;
  }

  private void work(Queue<String> waiting, Queue<Verdict> done) throws InterruptedException {
    try (Sandbox sandbox = berth.create(spec)) {
      for (String module = waiting.poll(); module != null; module = waiting.poll()) {
        listener.begins(module);
        Verdict verdict = test(sandbox, module);
        done.add(verdict);
        listener.ends(verdict);
      }
    }
  }

  private Verdict test(Sandbox sandbox, String module) throws InterruptedException {
    Command command =
        Command.of("python3", "-m", "test", "-q", module)
            .inDirectory("/tmp")
            .withTimeout(timeout)
            .withOutputLimit(1 << 20);
    ExecResult result = sandbox.exec(command);
    return new Verdict(
        module,
        Outcome.of(result),
        result.duration(),
        result.exit().cpuTime(),
        result.exit().maxRssBytes(),
        result.stdout() + result.stderr() + result.exit().detail());
  }

  private static void join(Future<?> worker) throws InterruptedException {
    try {
      worker.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case SandboxException failure -> throw failure;
        case InterruptedException interrupted -> throw interrupted;
        case null, default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** What came of a module. */
  enum Outcome {
    PASSED,
    FAILED,
    TIMEOUT,
    ERROR;

    static Outcome of(ExecResult result) {
      if (result.errorType() == null) {
        return result.returnCode() == 0 ? PASSED : FAILED;
      }
      return result.errorType() == ErrorType.TIMEOUT ? TIMEOUT : ERROR;
    }
  }

  /** A module's row. */
  record Verdict(
      String module,
      Outcome outcome,
      Duration wall,
      Duration cpu,
      long maxRssBytes,
      String output) {
    boolean passed() {
      return outcome == Outcome.PASSED;
    }
  }

  /** Hears how it goes on, from several threads. */
  interface Listener {
    void begins(String module);

    void ends(Verdict verdict);

    /** Nothing more will come. */
    void over();
  }
}
