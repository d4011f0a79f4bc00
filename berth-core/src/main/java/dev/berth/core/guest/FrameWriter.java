package dev.berth.core.guest;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A growing buffer into which frames are written, one after the other. Not thread-safe. */
final class FrameWriter {
  private byte[] bytes;
  private int size;
  private int start;

  FrameWriter(int capacity) {
    bytes = new byte[capacity];
  }

  /** Starts a frame of this type; {@link #end()} completes it. */
  FrameWriter begin(int type) {
    start = size;
    return u32(0).u8(type);
  }

  /** Completes the frame that was begun last. */
  FrameWriter end() {
    int length = size - start - 4;
    if (length > Wire.MAX_FRAME) {
      throw new IllegalStateException("frame of " + length + " bytes");
    }
    bytes[start] = (byte) (length >>> 24);
    bytes[start + 1] = (byte) (length >>> 16);
    bytes[start + 2] = (byte) (length >>> 8);
    bytes[start + 3] = (byte) length;
    return this;
  }

  FrameWriter u8(int value) {
    room(1);
    bytes[size++] = (byte) value;
    return this;
  }

  FrameWriter u16(int value) {
    return u8(value >>> 8).u8(value);
  }

  FrameWriter u32(long value) {
    return u16((int) (value >>> 16)).u16((int) value);
  }

  FrameWriter u64(long value) {
    return u32(value >>> 32).u32(value);
  }

  /** A length and the text in UTF-8. */
  FrameWriter str(String text) {
    return str(text.getBytes(StandardCharsets.UTF_8));
  }

  /** A length and these bytes. */
  FrameWriter str(byte[] text) {
    return u32(text.length).raw(text, 0, text.length);
  }

  /** Bytes as they are. */
  FrameWriter raw(byte[] from, int offset, int length) {
    room(length);
    System.arraycopy(from, offset, bytes, size, length);
    size += length;
    return this;
  }

  /** All that another writer holds. */
  FrameWriter append(FrameWriter other) {
    return raw(other.bytes, 0, other.size);
  }

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  byte[] toByteArray() {
    return Arrays.copyOf(bytes, size);
  }

  /** A view of what was written; valid until the next change. */
  ByteBuffer view() {
    return ByteBuffer.wrap(bytes, 0, size);
  }

  /** Empties the buffer; one that grew beyond {@code keep} bytes is given back. */
  void clear(int keep) {
    size = 0;
    if (bytes.length > keep) {
      bytes = new byte[keep];
    }
  }

  private void room(int more) {
    if (bytes.length - size < more) {
      bytes = Arrays.copyOf(bytes, Math.max(size + more, bytes.length * 2));
    }
  }
}
