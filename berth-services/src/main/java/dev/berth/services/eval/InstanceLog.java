package dev.berth.services.eval;

import dev.berth.OutputSink;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * What the commands of one instance print, in one file, with a line before and after each. Bounded:
 * of each command the first {@value #FIRST} bytes and the last {@value #LAST} are kept. For one
 * thread at a time. What it throws, {@link UncheckedIOException}, is about the host's disk.
 */
final class InstanceLog implements OutputSink, AutoCloseable {
  private static final int FIRST = 1 << 20;
  private static final int LAST = 64 << 10;

  private final Path file;
  private final FileOutputStream out;

  /** The latest bytes beyond the first; made when there are any. */
  private byte[] ring = new byte[0];

  private long taken;
  private boolean midLine;

  /** Begins a new file, or goes on with it. */
  InstanceLog(Path file, boolean more) throws IOException {
    this.file = file;
    this.out = new FileOutputStream(file.toFile(), more);
  }

  /** A line of our own. */
  void say(String line) {
    write(((midLine ? "\n" : "") + "== " + line + "\n").getBytes(StandardCharsets.UTF_8));
    midLine = false;
  }

  @Override
  public void accept(Channel channel, ByteBuffer bytes) {
    int first = (int) Math.min(bytes.remaining(), Math.max(0, FIRST - taken));
    if (first > 0) {
      byte[] now = new byte[first];
      bytes.get(now);
      write(now);
      midLine = now[first - 1] != '\n';
      taken += first;
    }
    if (bytes.hasRemaining() && ring.length == 0) {
      ring = new byte[LAST];
    }
    while (bytes.hasRemaining()) {
      int at = (int) ((taken - FIRST) % LAST);
      int count = Math.min(bytes.remaining(), LAST - at);
      bytes.get(ring, at, count);
      taken += count;
    }
  }

  /** The command's output is over: what was kept back is written. */
  void endOutput() {
    long more = taken - FIRST;
    if (more > 0) {
      int at = (int) (more % LAST);
      if (more > LAST) {
        say((more - LAST) + " bytes are left out here");
        write(java.util.Arrays.copyOfRange(ring, at, LAST));
      }
      write(java.util.Arrays.copyOf(ring, at == 0 && more == LAST ? LAST : at));
      midLine = true;
    }
    taken = 0;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  private void write(byte[] bytes) {
    try {
      out.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Tried to write the log " + file + ", but " + e.getMessage() + ".", e);
    }
  }
}
