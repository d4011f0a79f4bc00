package dev.berth.core.process;

import dev.berth.Command;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A program of ours while it runs. Whoever started it closes it. Not thread-safe, except {@link
 * #kill}.
 */
public final class HostRun implements AutoCloseable {
  private static final long TICK_MILLIS = 50;
  private static final long REAP_SECONDS = 5;

  private final String program;
  private final Process process;
  private final Duration timeout;
  private final Capture stdout;
  private final Capture stderr;
  private final long started = System.nanoTime();
  private boolean timedOut;

  HostRun(String program, Process process, Duration timeout, Capture stdout, Capture stderr) {
    this.program = program;
    this.process = process;
    this.timeout = timeout;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** Its process id. */
  public long pid() {
    return process.pid();
  }

  /** Whether it still runs. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** Waits for its end or its deadline; interrupting kills its process tree. */
  public HostResult await() throws InterruptedException {
    return await(Command.FOREVER).orElseThrow();
  }

  /** Waits for its end or its deadline, but no longer than this; empty if it still runs then. */
  public Optional<HostResult> await(Duration atMost) throws InterruptedException {
    try {
      long deadline = nanos(timeout);
      long patience = nanos(atMost);
      long waitUntil = patience == Long.MAX_VALUE ? patience : elapsed() + patience;
      while (true) {
        long left = Math.min(deadline, waitUntil) - elapsed();
        boolean ended =
            left > 0 ? process.waitFor(tick(left), TimeUnit.NANOSECONDS) : !process.isAlive();
        stdout.poll();
        stderr.poll();
        if (ended) {
          return Optional.of(result());
        }
        if (elapsed() >= deadline) {
          timedOut = true;
          kill();
          return Optional.of(result());
        }
        if (elapsed() >= waitUntil) {
          return Optional.empty();
        }
      }
    } catch (InterruptedException e) {
      kill();
      throw e;
    }
  }

  /**
   * Kills it and all its descendants that can be found, and waits for its end, 5 s at most. What
   * has daemonised itself is not found.
   */
  public void kill() {
    Set<ProcessHandle> tree = new LinkedHashSet<>();
    boolean interrupted = false;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(REAP_SECONDS);
    // The tree is read before its root dies, and again: what was forked meanwhile is below a root.
    process.descendants().forEach(tree::add);
    process.destroyForcibly();
    int known;
    do {
      known = tree.size();
      for (ProcessHandle handle : Set.copyOf(tree)) {
        handle.descendants().forEach(tree::add);
      }
      tree.forEach(ProcessHandle::destroyForcibly);
    } while (tree.size() > known);
    while (process.isAlive() && System.nanoTime() < deadline) {
      try {
        process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Deletes the captured output. Does not end the program. */
  @Override
  public void close() {
    stdout.close();
    stderr.close();
  }

  private HostResult result() {
    stdout.finish();
    stderr.finish();
    return new HostResult(
        program,
        timedOut || process.isAlive() ? -1 : process.exitValue(),
        stdout.text(),
        stderr.text(),
        stdout.truncated() || stderr.truncated(),
        timedOut,
        Duration.ofNanos(elapsed()));
  }

  private long elapsed() {
    return System.nanoTime() - started;
  }

  private long tick(long left) {
    return stdout.wanted() ? Math.min(left, TimeUnit.MILLISECONDS.toNanos(TICK_MILLIS)) : left;
  }

  private static long nanos(Duration duration) {
    return duration.compareTo(Duration.ofDays(36500)) > 0 ? Long.MAX_VALUE : duration.toNanos();
  }
}
