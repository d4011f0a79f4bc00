package dev.berth;

import java.nio.ByteBuffer;

/**
 * Takes a command's output as it comes. Called by one thread at a time, stdout and stderr each in
 * order.
 */
@FunctionalInterface
public interface OutputSink {
  /** Drops everything: the result alone is wanted. */
  OutputSink NONE = (channel, bytes) -> {};

  /**
   * Takes all of {@code bytes} before it returns; the buffer is reused afterwards. An exception
   * kills the command and is thrown by {@code exec}.
   */
  void accept(Channel channel, ByteBuffer bytes);

  /** Where output came from. */
  enum Channel {
    /** Standard output; with a terminal all output. */
    STDOUT,
    /** Standard error. */
    STDERR
  }
}
