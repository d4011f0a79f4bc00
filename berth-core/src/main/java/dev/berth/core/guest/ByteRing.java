package dev.berth.core.guest;

import java.nio.ByteBuffer;

/** A queue of bytes with a bound, grown as needed. Not thread-safe. */
final class ByteRing {
  private static final int SMALL = 4096;

  private final int most;
  private byte[] bytes = new byte[0];
  private int head;
  private int size;

  /** A ring of at most this many bytes, a power of two of at least 4096. */
  ByteRing(int most) {
    this.most = most;
  }

  int size() {
    return size;
  }

  int free() {
    return most - size;
  }

  /** Appends all of {@code from}, which must fit. */
  void put(ByteBuffer from) {
    int length = from.remaining();
    room(length);
    int tail = (head + size) & (bytes.length - 1);
    int first = Math.min(length, bytes.length - tail);
    from.get(bytes, tail, first);
    from.get(bytes, 0, length - first);
    size += length;
  }

  /** Appends bytes, which must fit. */
  void put(byte[] from, int offset, int length) {
    put(ByteBuffer.wrap(from, offset, length));
  }

  /** Takes up to {@code length} bytes out. */
  int get(byte[] to, int offset, int length) {
    int count = Math.min(length, size);
    copy(0, count, to, offset);
    drop(count);
    return count;
  }

  /** Copies bytes that stay, from {@code at} on. */
  void copy(int at, int length, byte[] to, int offset) {
    if (length == 0) {
      return;
    }
    int from = (head + at) & (bytes.length - 1);
    int first = Math.min(length, bytes.length - from);
    System.arraycopy(bytes, from, to, offset, first);
    System.arraycopy(bytes, 0, to, offset + first, length - first);
  }

  /**
   * A read-only view of the oldest bytes that lie together; stays right until they are dropped,
   * whatever is put meanwhile.
   */
  ByteBuffer front() {
    return ByteBuffer.wrap(bytes, head, Math.min(size, bytes.length - head)).asReadOnlyBuffer();
  }

  /** Removes the oldest bytes. */
  void drop(int count) {
    size -= count;
    head = size == 0 ? 0 : (head + count) & (bytes.length - 1);
  }

  private void room(int more) {
    if (more > free()) {
      throw new IllegalStateException(
          "a ring of " + most + " bytes holds " + size + " and was given " + more);
    }
    int capacity = Math.max(bytes.length, SMALL);
    while (capacity < size + more) {
      capacity *= 2;
    }
    if (capacity != bytes.length) {
      byte[] larger = new byte[capacity];
      copy(0, size, larger, 0);
      bytes = larger;
      head = 0;
    }
  }
}
