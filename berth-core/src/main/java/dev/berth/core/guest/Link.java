package dev.berth.core.guest;

import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.time.Duration;

/**
 * The way to one guest. It can be opened many times: each connection is a byte stream of its own,
 * blocking, for one reader and one writer at a time, and belongs to whoever opened it. Thread-safe.
 */
public interface Link {
  /**
   * Opens a byte stream to the guest.
   *
   * @throws IOException if there is no way at the moment
   */
  ByteChannel connect(Duration atMost) throws IOException, InterruptedException;

  /**
   * Whether the provider knows that the guest is gone for good, so that nobody need try again.
   * Answers at once.
   */
  boolean gone();

  /** Why the guest is gone, for messages; to be asked once it is. */
  default String whyGone() {
    return "its guest is gone";
  }

  /**
   * Whether the provider sees that the guest is stopped (SIGSTOP), so that it cannot answer; false
   * where it sees no process. Not to be asked by a thread that must be quick.
   */
  default boolean stopped() {
    return false;
  }

  /**
   * Asks whether this way leads as far as the guest's door at this moment, whatever the guest
   * itself does: then all that was sent to the guest before has arrived there, and all that it had
   * said has come. False where that cannot be told.
   */
  default boolean reaches(Duration atMost) throws InterruptedException {
    return false;
  }

  /**
   * What only this sandbox's guest and its hosts know, at most 64 bytes; both prove that they know
   * it on each connection, and never say it. Empty where the way itself is guarded, as by a
   * socket's mode.
   */
  default byte[] token() {
    return new byte[0];
  }

  /**
   * How long a broken way may take to heal before the sandbox counts as lost; more than a minute
   * counts as one.
   */
  default Duration patience() {
    return Duration.ofSeconds(30);
  }

  /** A byte stream whose one way can end before the other, as a socket's can. */
  interface HalfClosing extends ByteChannel {
    /** Ends what is sent; what comes goes on. */
    void shutdownOutput() throws IOException;
  }
}
