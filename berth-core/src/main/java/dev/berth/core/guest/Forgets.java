package dev.berth.core.guest;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The commands whose results this host has, of which the guest is to be told so that it drops them:
 * with the next frames that go there, or a little later. Thread-safe.
 */
final class Forgets {
  private static final Duration WITHIN = Duration.ofMillis(200);
  private static final int TOLD_KEPT = 512;

  private final Outbox outbox;
  private final AtomicBoolean scheduled = new AtomicBoolean();

  /** Guarded by this object's monitor, which is never held for long. */
  private List<Long> untold = new ArrayList<>();

  /** The latest of whom the guest was told; touched only while frames are added. */
  private final ArrayDeque<Long> told = new ArrayDeque<>();

  Forgets(Outbox outbox) {
    this.outbox = outbox;
  }

  void add(long id) {
    synchronized (this) {
      untold.add(id);
    }
    if (scheduled.compareAndSet(false, true)) {
      Watch.later(
          WITHIN,
          () -> {
            scheduled.set(false);
            outbox.add(this::tell);
            outbox.flush();
          });
    }
  }

  /** Adds FORGET for those of whom the guest was not told. */
  void tell(FrameWriter to) {
    List<Long> ids;
    synchronized (this) {
      if (untold.isEmpty()) {
        return;
      }
      ids = untold;
      untold = new ArrayList<>();
    }
    for (long id : ids) {
      forget(to, id);
      if (told.size() == TOLD_KEPT) {
        told.remove();
      }
      told.add(id);
    }
  }

  /** Adds FORGET again for the latest, who may have been lost with a connection. */
  void tellAgain(FrameWriter to) {
    told.forEach(id -> forget(to, id));
  }

  private static void forget(FrameWriter to, long id) {
    to.begin(Wire.FORGET).u64(id).end();
  }
}
