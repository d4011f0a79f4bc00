package dev.berth.services.openhands;

import dev.berth.services.openhands.OpenHandsException.Failure;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What a conversation's event stream has told of its state. Thread-safe. */
final class Progress {
  private static final int MOST_DETAIL = 2000;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Guarded by the lock, as are the fields below. */
  private boolean ready;

  private boolean connected;
  private long settled;
  private long connections;
  private String error = "";
  private @Nullable RuntimeException failure;

  /** The stream is subscribed, and what was missed is delivered. */
  void connected() {
    change(() -> {
      ready = true;
      connected = true;
      connections++;
    });
  }

  void disconnected() {
    change(() -> connected = false);
  }

  /** The stream has ended for good. */
  void fail(RuntimeException cause) {
    change(() -> failure = cause);
  }

  void error(JsonNode event) {
    String code = Shapes.text(event.path("code"));
    String detail = Shapes.text(event.path("detail"));
    String text = code + (detail.isEmpty() ? "" : ": " + detail);
    change(() -> error = text.length() > MOST_DETAIL ? text.substring(0, MOST_DETAIL) + "…" : text);
  }

  /** A change of state: a whole one is sent at the end of each run, after its last event. */
  void state(JsonNode event) {
    JsonNode status = event.path("value").path("execution_status");
    if (Shapes.text(event.path("key")).equals("full_state")
        && status.isString()
        && ExecutionStatus.read(status) != ExecutionStatus.RUNNING) {
      change(() -> settled++);
    }
  }

  private void change(Runnable how) {
    lock.lock();
    try {
      how.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Forgets the last run's error, and counts the runs that ended until now. */
  long beginRun() {
    lock.lock();
    try {
      error = "";
      return settled;
    } finally {
      lock.unlock();
    }
  }

  /** How many runs have ended. */
  long settled() {
    lock.lock();
    try {
      return settled;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until one more run has ended, the connection has changed, or the time is over. */
  boolean awaitSettled(long before, Duration within) throws InterruptedException {
    long nanos = within.toNanos();
    lock.lockInterruptibly();
    try {
      boolean wasConnected = connected;
      while (settled == before && connected == wasConnected && failure == null && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      if (failure != null && nanos > 0) {
        // Nothing comes from here any more: whoever waits asks the server at its own pace.
        changed.awaitNanos(nanos);
      }
      return settled > before;
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the first connection. */
  void awaitReady(Duration within) throws InterruptedException {
    long nanos = within.toNanos();
    lock.lockInterruptibly();
    try {
      while (!ready) {
        if (failure != null) {
          throw failure;
        }
        if (nanos <= 0) {
          throw new OpenHandsException(
              Failure.TIMED_OUT,
              "Tried to follow a conversation's events, but the server was not ready for that in "
                  + within
                  + ".");
        }
        nanos = changed.awaitNanos(nanos);
      }
    } finally {
      lock.unlock();
    }
  }

  boolean isConnected() {
    lock.lock();
    try {
      return connected && failure == null;
    } finally {
      lock.unlock();
    }
  }

  /** How often the stream was connected. */
  long connections() {
    lock.lock();
    try {
      return connections;
    } finally {
      lock.unlock();
    }
  }

  /** Why the stream has ended for good; null while it has not. */
  @Nullable RuntimeException failure() {
    lock.lock();
    try {
      return failure;
    } finally {
      lock.unlock();
    }
  }

  /** What the agent said of its last error; empty if nothing. */
  String error() {
    lock.lock();
    try {
      return error;
    } finally {
      lock.unlock();
    }
  }
}
