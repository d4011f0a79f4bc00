package dev.berth.core.guest;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.attribute.FileTime;

/**
 * Reads the fields of a tree stream, a hostile one too: every name, length and number is checked.
 * Not thread-safe.
 */
final class TreeReader {
  private static final int SMALL = 1 << 14;
  private static final int LARGE = 1 << 18;

  private final RawConnection from;
  private ByteBuffer buffer = ByteBuffer.allocateDirect(SMALL).limit(0);

  TreeReader(RawConnection from) {
    this.from = from;
  }

  /** The sender's side could not go on. */
  static final class Ended extends IOException {
    private static final long serialVersionUID = 1L;
    final long errno;

    Ended(long errno, String text) {
      super(text.isEmpty() ? Errno.text(errno) : text);
      this.errno = errno;
    }
  }

  int u8() throws IOException {
    need(1);
    return buffer.get() & 0xff;
  }

  private int u16() throws IOException {
    need(2);
    return buffer.getShort() & 0xffff;
  }

  private long u32() throws IOException {
    need(4);
    return buffer.getInt() & 0xffff_ffffL;
  }

  long count() throws IOException {
    need(8);
    long value = buffer.getLong();
    if (value < 0) {
      throw new ProtocolException("a file of " + Long.toUnsignedString(value) + " bytes");
    }
    return value;
  }

  int mode() throws IOException {
    long mode = u32();
    if (mode > 07777) {
      throw new ProtocolException("a mode of " + Long.toOctalString(mode));
    }
    return (int) mode;
  }

  FileTime time() throws IOException {
    need(8);
    return TreeStream.time(buffer.getLong(), u32());
  }

  /** A name of one component. */
  byte[] name() throws IOException {
    byte[] name = bytes(u16());
    if (!HostName.isComponent(name)) {
      throw new ProtocolException("an entry named '" + HostName.show(name) + "'");
    }
    return name;
  }

  /** What a symlink says. */
  byte[] linkText() throws IOException {
    byte[] text = bytes(u16());
    boolean bad = text.length == 0 || text.length >= 4096;
    for (byte b : text) {
      bad |= b == 0;
    }
    if (bad) {
      throw new ProtocolException("a symlink to '" + HostName.show(text) + "'");
    }
    return text;
  }

  /** The rest of an end record; an end that is none of a good transfer is thrown. */
  void end() throws IOException {
    long errno = u32();
    String text = HostName.show(bytes(u16()));
    if (errno != 0) {
      throw new Ended(errno, text);
    }
  }

  /** Some of a file's bytes, at least one and at most {@code most}; valid until the next call. */
  ByteBuffer some(long most) throws IOException {
    if (!buffer.hasRemaining()) {
      if (most > buffer.capacity() && buffer.capacity() < LARGE) {
        buffer = ByteBuffer.allocateDirect(LARGE);
      }
      buffer.clear();
      fillOnce();
      buffer.flip();
    }
    int count = (int) Math.min(most, buffer.remaining());
    ByteBuffer some = buffer.slice(buffer.position(), count);
    buffer.position(buffer.position() + count);
    return some;
  }

  private byte[] bytes(int length) throws IOException {
    byte[] bytes = new byte[length];
    int done = 0;
    while (done < length) {
      int part = Math.min(length - done, SMALL);
      need(part);
      buffer.get(bytes, done, part);
      done += part;
    }
    return bytes;
  }

  private void need(int count) throws IOException {
    while (buffer.remaining() < count) {
      buffer.compact();
      try {
        fillOnce();
      } finally {
        buffer.flip();
      }
    }
  }

  private void fillOnce() throws IOException {
    if (from.read(buffer) < 0) {
      throw new EOFException("the guest closed the connection in the middle");
    }
  }
}
