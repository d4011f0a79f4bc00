package dev.berth.core.image;

import dev.berth.Command;
import dev.berth.CreateException;
import java.time.Duration;

/** Until when to wait for something about an image. */
final class Deadline {
  private static final long PAUSE_NANOS = 20_000_000;

  private final ImageKey key;
  private final long start = System.nanoTime();
  private final Duration atMost;

  Deadline(ImageKey key, Duration atMost) {
    this.key = key;
    this.atMost = atMost;
  }

  /** What is left; {@link Command#FOREVER} stays that. */
  long leftNanos() {
    return atMost.compareTo(Duration.ofDays(36500)) > 0
        ? Long.MAX_VALUE
        : atMost.toNanos() - (System.nanoTime() - start);
  }

  boolean passed() {
    return leftNanos() <= 0;
  }

  /** Waits a little: another process tells nobody when it lets go of a lock. */
  void pause() throws InterruptedException {
    Gate.pause(Math.min(PAUSE_NANOS, Math.max(1, leftNanos())));
  }

  CreateException exceeded() {
    return new CreateException(
        null,
        null,
        "Tried to wait for the image "
            + key.reference()
            + ", which another is making, but it was not there after "
            + atMost
            + ".",
        null);
  }
}
