package dev.berth.services.openhands;

import dev.berth.OutputSink;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/** Hands what a server prints to a logger, line by line. Thread-safe. */
final class ServerLog implements OutputSink {
  private static final System.Logger LOG = System.getLogger("dev.berth.openhands");
  private static final int MOST_LINE = 8192;

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Channel, StringBuilder> lines = new EnumMap<>(Channel.class);

  @Override
  public void accept(Channel channel, ByteBuffer bytes) {
    lock.lock();
    try {
      StringBuilder line = lines.computeIfAbsent(channel, each -> new StringBuilder());
      // A character that is split between two parts is not worth a decoder's state.
      String text = StandardCharsets.UTF_8.decode(bytes).toString();
      for (int at = 0; at < text.length(); at++) {
        char next = text.charAt(at);
        if (next == '\n' || line.length() == MOST_LINE) {
          String whole = line.toString();
          line.setLength(0);
          LOG.log(System.Logger.Level.INFO, () -> whole);
        }
        if (next != '\n') {
          line.append(next);
        }
      }
    } finally {
      lock.unlock();
    }
  }
}
