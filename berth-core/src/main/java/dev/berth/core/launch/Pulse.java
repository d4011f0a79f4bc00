package dev.berth.core.launch;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A look at whether a guest answers that does not make this process one of its hosts: a HELLO of
 * version 0, which every guest refuses with FAULT. A welcomed connection would count for the lease
 * and begin it anew, so that an orphan that is looked at often enough would never end.
 */
final class Pulse {
  /** u32 length, u8 HELLO, u32 magic, u16 version 0, str token (empty). */
  private static final byte[] HELLO = {0, 0, 0, 11, 1, 'B', 'R', 'T', 'H', 0, 0, 0, 0, 0, 0};

  private static final long PAUSE_MILLIS = 5;

  private Pulse() {}

  /** Whether anything comes back in this time. */
  static boolean beats(Path socket, Duration within) throws InterruptedException {
    long deadline = System.nanoTime() + within.toNanos();
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.configureBlocking(false);
      if (!channel.connect(UnixDomainSocketAddress.of(socket))) {
        return false;
      }
      channel.write(ByteBuffer.wrap(HELLO));
      ByteBuffer answer = ByteBuffer.allocate(64);
      while (System.nanoTime() - deadline < 0) {
        int read = channel.read(answer);
        if (read != 0) {
          return read > 0;
        }
        Thread.sleep(PAUSE_MILLIS);
      }
      return false;
    } catch (java.nio.channels.ClosedByInterruptException e) {
      Thread.interrupted();
      throw new InterruptedException();
    } catch (IOException e) {
      return false;
    }
  }
}
