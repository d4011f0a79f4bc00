package dev.berth.fargate;

import dev.berth.SandboxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Asks ECS for the states of all tasks that this provider has under way, a hundred with one
 * question, so that two hundred tasks cost no more questions than two. While somebody waits for a
 * task it asks often, more seldom the longer that takes; else now and then. Thread-safe.
 */
final class TaskWatch implements AutoCloseable {
  private static final int AT_ONCE = 100;
  private static final Duration FIRST = Duration.ofMillis(200);
  private static final Duration CALM = Duration.ofSeconds(15);

  private final Function<List<String>, List<TaskState>> describe;
  private final Duration longest;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Condition asked = lock.newCondition();
  private final Map<String, Watched> tasks = new ConcurrentHashMap<>();
  private @Nullable Thread thread;
  private boolean closed;

  /** One task. */
  private static final class Watched {
    private final long since = System.nanoTime();
    private volatile @Nullable TaskState state;
    private volatile long seen;
    private volatile boolean soon = true;
    private int waiters;
    private int holders;
  }

  /** {@code describe} answers for those tasks that ECS knows. */
  TaskWatch(Function<List<String>, List<TaskState>> describe, Duration longest) {
    this.describe = describe;
    this.longest = longest;
  }

  /** From now on this task's state is asked for, until it is removed as often as it was added. */
  void add(String arn) {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      tasks.computeIfAbsent(arn, key -> new Watched()).holders++;
      Thread running = thread;
      if (running == null || !running.isAlive()) {
        thread = Thread.ofVirtual().name("berth-ecs-watch").start(this::run);
      }
      asked.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void remove(String arn) {
    lock.lock();
    try {
      Watched watched = tasks.get(arn);
      if (watched == null || --watched.holders > 0) {
        return;
      }
      tasks.remove(arn);
      changed.signalAll();
      asked.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The latest state that is known, without asking. */
  @Nullable TaskState latest(String arn) {
    Watched watched = tasks.get(arn);
    return watched == null ? null : watched.state;
  }

  /** Something looks wrong with this task: its state is asked for as soon as may be. */
  void suspect(String arn) {
    Watched watched = tasks.get(arn);
    if (watched != null && !watched.soon) {
      lock.lock();
      try {
        watched.soon = true;
        asked.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Waits until its state is as wanted; the last that was seen if the time is over before. */
  @Nullable TaskState await(String arn, Predicate<TaskState> wanted, Duration atMost)
      throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    lock.lock();
    try {
      Watched watched = tasks.get(arn);
      if (watched == null) {
        return null;
      }
      watched.waiters++;
      watched.soon = true;
      asked.signalAll();
      try {
        while (true) {
          TaskState state = watched.state;
          long left = deadline - System.nanoTime();
          boolean there = state != null && wanted.test(state);
          if (there || tasks.get(arn) != watched || left <= 0 || changed.awaitNanos(left) <= 0) {
            return watched.state;
          }
        }
      } finally {
        watched.waiters--;
      }
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    try {
      while (true) {
        List<String> due = due();
        if (due.isEmpty()) {
          return;
        }
        for (int i = 0; i < due.size(); i += AT_ONCE) {
          ask(due.subList(i, Math.min(due.size(), i + AT_ONCE)));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits until a state is due, and names all that are then worth asking for; empty at the end. */
  private List<String> due() throws InterruptedException {
    lock.lock();
    try {
      while (true) {
        if (closed || tasks.isEmpty()) {
          thread = null;
          return List.of();
        }
        long now = System.nanoTime();
        long next = Long.MAX_VALUE;
        for (Watched watched : tasks.values()) {
          next = Math.min(next, watched.seen == 0 ? 0 : watched.seen + pause(watched) - now);
        }
        if (next <= 0) {
          List<String> due = new ArrayList<>();
          tasks.forEach((arn, watched) -> {
            // Who is due soon may come along.
            if (watched.seen == 0 || watched.seen + pause(watched) / 2 - now <= 0) {
              due.add(arn);
            }
          });
          return due;
        }
        if (asked.awaitNanos(next) <= 0) {
          continue;
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private long pause(Watched watched) {
    if (watched.waiters == 0 && !watched.soon) {
      return Math.max(longest.toNanos(), CALM.toNanos());
    }
    long age = System.nanoTime() - watched.since;
    return Math.max(FIRST.toNanos(), Math.min(longest.toNanos(), age / 10));
  }

  private void ask(List<String> arns) throws InterruptedException {
    List<TaskState> states;
    boolean answered = false;
    try {
      states = describe.apply(arns);
      answered = true;
    } catch (SandboxException e) {
      // Throttled, or the network is away: what is known stays, and is asked for again.
      TimeUnit.NANOSECONDS.sleep(Pace.backoff(0, FIRST, longest).toNanos());
      states = List.of();
    }
    lock.lock();
    try {
      long now = System.nanoTime();
      for (String arn : arns) {
        Watched watched = tasks.get(arn);
        if (watched != null) {
          watched.seen = now;
          watched.soon = !answered;
        }
      }
      for (TaskState state : states) {
        Watched watched = tasks.get(state.arn());
        if (watched != null) {
          watched.state = state;
        }
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      tasks.clear();
      changed.signalAll();
      asked.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
