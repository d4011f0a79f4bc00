package dev.berth.core.guest;

import java.io.IOException;

/**
 * The guest's answer to PEEK: a piece of a command's output that stays where it is.
 *
 * @param offset of the first byte; -1 if the guest does not know the command
 */
record Peeked(long offset, byte[] bytes) {
  private static final int CHANNEL_AT = Long.BYTES;
  private static final Peeked UNKNOWN = new Peeked(-1, new byte[0]);

  /** What the answer about this channel of this command is waited for by. */
  record Key(long id, int channel) {}

  /**
   * Gives a frame to those who wait for it, and is true if that was all that it was for. Its id was
   * not read.
   */
  static boolean offer(int type, FrameReader in, Answers answers) throws IOException {
    if (type == Wire.UNKNOWN) {
      long id = in.lookLong();
      answers.give(new Key(id, Wire.STDOUT), UNKNOWN);
      answers.give(new Key(id, Wire.STDERR), UNKNOWN);
      return false;
    }
    if (type != Wire.OUTPUT || in.look(CHANNEL_AT) < Wire.PEEKED) {
      return false;
    }
    Key key = new Key(in.u64(), in.u8() - Wire.PEEKED);
    long offset = in.count();
    answers.give(key, new Peeked(offset, in.bytes(in.left(Wire.MAX_DATA))));
    return true;
  }
}
