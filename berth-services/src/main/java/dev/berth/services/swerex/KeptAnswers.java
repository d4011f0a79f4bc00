package dev.berth.services.swerex;

import java.io.IOException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The answers of the last calls by their ids, so that a call which is sent again is not made again.
 * Bounded in number and size: the oldest go first. Thread-safe.
 */
final class KeptAnswers {
  private static final int MOST = 64;
  private static final long MOST_BYTES = 64L << 20;
  private static final int LONGEST_ID = 200;

  private final ReentrantLock lock = new ReentrantLock();
  // Guarded by the lock.
  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private long bytes;

  /** A call that runs or has been answered. */
  private static final class Slot {
    final CountDownLatch done = new CountDownLatch(1);
    volatile RuntimeServer.@Nullable Answer answer;
  }

  /** What makes an answer. */
  interface Call {
    RuntimeServer.Answer make() throws InterruptedException, IOException, RuntimeServer.Refused;
  }

  /** The kept answer, or that of {@code call}. Without an id nothing is kept. */
  RuntimeServer.Answer once(String id, Call call)
      throws InterruptedException, IOException, RuntimeServer.Refused {
    if (id.isEmpty()) {
      return call.make();
    }
    if (id.length() > LONGEST_ID) {
      throw new RuntimeServer.Refused(
          400, "X-Request-ID has more than " + LONGEST_ID + " characters.");
    }
    Slot mine = new Slot();
    Slot first;
    lock.lock();
    try {
      first = slots.putIfAbsent(id, mine);
    } finally {
      lock.unlock();
    }
    if (first != null) {
      first.done.await();
      RuntimeServer.Answer answer = first.answer;
      return answer == null ? call.make() : answer;
    }
    try {
      RuntimeServer.Answer answer = answerOf(call);
      mine.answer = answer;
      return answer;
    } finally {
      keep(id, mine);
      mine.done.countDown();
    }
  }

  /** A call that failed unforeseen may have done something: that is an answer, and kept. */
  private static RuntimeServer.Answer answerOf(Call call)
      throws InterruptedException, IOException, RuntimeServer.Refused {
    try {
      return call.make();
    } catch (RuntimeException e) {
      return RuntimeServer.Answer.unexpected(e);
    }
  }

  private void keep(String id, Slot slot) {
    lock.lock();
    try {
      RuntimeServer.Answer answer = slot.answer;
      if (answer == null) {
        // It was refused or interrupted: nothing was done.
        slots.remove(id);
        return;
      }
      bytes += answer.body().length;
      Iterator<Slot> oldest = slots.values().iterator();
      while ((slots.size() > MOST || bytes > MOST_BYTES) && oldest.hasNext()) {
        RuntimeServer.Answer old = oldest.next().answer;
        if (old != null) {
          bytes -= old.body().length;
          oldest.remove();
        }
      }
    } finally {
      lock.unlock();
    }
  }
}
