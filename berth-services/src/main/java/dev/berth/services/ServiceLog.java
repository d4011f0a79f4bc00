package dev.berth.services;

import dev.berth.OutputSink;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The end of what a server printed, both streams in the order in which they came, and the way to a
 * sink. Thread-safe.
 */
final class ServiceLog {
  private static final int FIRST = 8 << 10;

  /** Shorter ones stand in too many innocent places. */
  static final int SHORTEST_SECRET = 6;

  private final int limit;
  private final List<String> secrets;
  private final ReentrantLock tail = new ReentrantLock();
  private byte[] ring = new byte[0];
  private int start;
  private int size;
  private boolean dropped;

  private final ReentrantLock sinking = new ReentrantLock();
  private @Nullable OutputSink sink;

  ServiceLog(int limit, List<String> secrets, OutputSink sink) {
    this.limit = limit;
    this.secrets =
        secrets.stream()
            .filter(secret -> secret.length() >= SHORTEST_SECRET)
            // A secret that is part of another must not spoil it.
            .sorted((a, b) -> b.length() - a.length())
            .toList();
    this.sink = sink.equals(OutputSink.NONE) ? null : sink;
  }

  /** Takes a stream until it ends; the thread that calls is the stream's own. */
  void pump(OutputSink.Channel channel, InputStream from) {
    byte[] buffer = new byte[1 << 15];
    try (from) {
      for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
        add(buffer, count);
        hand(channel, buffer, count);
      }
    } catch (IOException e) {
      // The sandbox is lost, which the command's end says.
    }
  }

  private void hand(OutputSink.Channel channel, byte[] bytes, int count) {
    sinking.lock();
    try {
      if (sink != null) {
        sink.accept(channel, ByteBuffer.wrap(bytes, 0, count));
      }
    } catch (RuntimeException e) {
      sink = null;
      note("the log's sink failed and is left out from here on: " + e);
    } finally {
      sinking.unlock();
    }
  }

  /** Adds a line of our own. */
  void note(String line) {
    byte[] bytes = ("[berth] " + line + "\n").getBytes(StandardCharsets.UTF_8);
    add(bytes, bytes.length);
  }

  private void add(byte[] bytes, int count) {
    tail.lock();
    try {
      int from = Math.max(0, count - limit);
      int take = count - from;
      dropped |= from > 0 || size + take > limit;
      grow(size + take);
      int excess = Math.max(0, size + take - ring.length);
      start = (start + excess) % ring.length;
      size -= excess;
      int at = (start + size) % ring.length;
      int first = Math.min(take, ring.length - at);
      System.arraycopy(bytes, from, ring, at, first);
      System.arraycopy(bytes, from + first, ring, 0, take - first);
      size += take;
    } finally {
      tail.unlock();
    }
  }

  private void grow(int wanted) {
    if (wanted <= ring.length || ring.length == limit) {
      return;
    }
    int length = (int) Math.min(limit, Math.max(FIRST, Math.max(wanted, ring.length * 2L)));
    byte[] larger = Arrays.copyOf(bytes(), length);
    ring = larger;
    start = 0;
  }

  private byte[] bytes() {
    byte[] all = new byte[size];
    int first = Math.min(size, ring.length - start);
    System.arraycopy(ring, start, all, 0, first);
    System.arraycopy(ring, 0, all, first, size - first);
    return all;
  }

  /** What is kept, secrets replaced. If something was dropped it begins with a whole line. */
  String text() {
    byte[] all;
    boolean cut;
    tail.lock();
    try {
      all = bytes();
      cut = dropped;
    } finally {
      tail.unlock();
    }
    String text = new String(all, StandardCharsets.UTF_8);
    if (cut) {
      // Half a secret would not be known as one.
      int longest = secrets.isEmpty() ? 0 : secrets.get(0).length();
      int line = text.indexOf('\n');
      text = text.substring(line >= 0 ? line + 1 : Math.min(longest, text.length()));
    }
    for (String secret : secrets) {
      text = text.replace(secret, "***");
    }
    return text;
  }
}
