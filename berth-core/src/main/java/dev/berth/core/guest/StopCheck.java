package dev.berth.core.guest;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/**
 * Tells a guest that is stopped (SIGSTOP) from one that is slow and from one that cannot be reached
 * now. Where the provider sees the guest's process, by its state. Elsewhere by a ping: the guest
 * says nothing for some seconds although the way to its door answers before and after. Looks that
 * overlap are left out. Thread-safe.
 */
final class StopCheck {
  /** Of two looks at a stopped process; a shell that stops and continues it at once is let be. */
  private static final long SEEN_NANOS = Duration.ofMillis(800).toNanos();

  /** What a guest that is asked elsewhere may be silent before anybody wonders. */
  private static final long QUIET_NANOS = Duration.ofSeconds(1).toNanos();

  /** How long it may take to answer once it has certainly been asked. */
  private static final long ANSWER_NANOS = Duration.ofSeconds(3).toNanos();

  private static final Duration REACH_WITHIN = Duration.ofSeconds(2);

  private final Link link;
  private final boolean byPing;
  private final LongSupplier clock;
  private final LongSupplier heard;
  private final Runnable ping;
  private final AtomicBoolean looking = new AtomicBoolean();

  // Of the one look at a time that is let in.
  private long seenSince;
  private long askedAfter;
  private long reached;
  private boolean reachedAgain;

  /**
   * @param clock {@link System#nanoTime()}
   * @param pid the guest's own, as it says: the first process of its namespace cannot be stopped
   *     from within, so that its silence is something else
   * @param heard when something last came from the guest, by the same clock
   * @param ping asks the guest for a sign of life, without waiting
   */
  StopCheck(Link link, LongSupplier clock, long pid, LongSupplier heard, Runnable ping) {
    this.link = link;
    this.clock = clock;
    this.byPing = pid != 1;
    this.heard = heard;
    this.ping = ping;
  }

  /**
   * Whether the guest is stopped, after what earlier looks have seen. To be asked every few 100 ms
   * while somebody waits for the guest; it may take 2 s.
   */
  boolean look() throws InterruptedException {
    if (!looking.compareAndSet(false, true)) {
      return false;
    }
    try {
      return seen() || (byPing && unanswered());
    } finally {
      looking.set(false);
    }
  }

  private boolean seen() {
    if (!link.stopped()) {
      seenSince = 0;
      return false;
    }
    long now = clock.getAsLong();
    seenSince = seenSince - heard.getAsLong() >= 0 && seenSince != 0 ? seenSince : now;
    return now - seenSince >= SEEN_NANOS;
  }

  /**
   * A cut on the way looks the same at first. What the door answers comes in order behind what the
   * guest has said before: once it has answered after the guest's time was over, all that the guest
   * said in time has come.
   */
  private boolean unanswered() throws InterruptedException {
    long last = heard.getAsLong();
    long now = clock.getAsLong();
    if (now - last < QUIET_NANOS) {
      reached = 0;
    } else if (reached == 0 || askedAfter != last) {
      askedAfter = last;
      reachedAgain = false;
      ping.run();
      reached = link.reaches(REACH_WITHIN) ? clock.getAsLong() | 1 : 0;
    } else if (reachedAgain) {
      // A look later, so that the reader has had time for what came.
      return true;
    } else if (now - reached >= ANSWER_NANOS) {
      reachedAgain = link.reaches(REACH_WITHIN);
      reached = reachedAgain ? reached : 0;
    }
    return false;
  }
}
