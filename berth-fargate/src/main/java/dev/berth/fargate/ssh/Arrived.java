package dev.berth.fargate.ssh;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/**
 * Bytes that have come and wait for their reader. However small the pieces are in which they come,
 * they take little more memory than themselves. Not thread-safe.
 */
final class Arrived {
  private static final int CHUNK = 1 << 14;

  private final ArrayDeque<ByteBuffer> buffers = new ArrayDeque<>();

  boolean isEmpty() {
    return buffers.isEmpty();
  }

  /** Takes a copy. */
  void add(byte[] data, int offset, int length) {
    int from = offset;
    int left = length;
    ByteBuffer last = buffers.peekLast();
    if (last != null) {
      int end = last.limit();
      int part = Math.min(left, last.capacity() - end);
      last.limit(end + part).put(end, data, from, part);
      from += part;
      left -= part;
    }
    if (left > 0) {
      // Who keeps up with what comes has nothing waiting, and no use for room to spare.
      int size = last == null ? left : Math.max(left, CHUNK);
      buffers.add(ByteBuffer.allocate(size).put(0, data, from, left).limit(left));
    }
  }

  /** Moves as much as there is, and there is room for. How much that was. */
  int take(ByteBuffer to) {
    int count = 0;
    while (to.hasRemaining() && !buffers.isEmpty()) {
      ByteBuffer first = buffers.element();
      int part = Math.min(to.remaining(), first.remaining());
      to.put(to.position(), first, first.position(), part);
      to.position(to.position() + part);
      first.position(first.position() + part);
      count += part;
      if (!first.hasRemaining()) {
        buffers.remove();
      }
    }
    return count;
  }

  void clear() {
    buffers.clear();
  }

  long bytes() {
    return buffers.stream().mapToLong(ByteBuffer::remaining).sum();
  }

  /** How many buffers hold them. */
  int buffers() {
    return buffers.size();
  }
}
