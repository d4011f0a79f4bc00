package dev.berth.core.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A connection of the host joined to one of the guest: bytes go both ways on two virtual threads,
 * and the end of each way is passed on.
 */
final class Joint {
  private static final int BUFFER = 1 << 15;

  private final SocketChannel host;
  private final RawConnection guest;
  private final AtomicInteger ways = new AtomicInteger(2);

  private Joint(SocketChannel host, RawConnection guest) {
    this.host = host;
    this.guest = guest;
  }

  /** Joins them until both ways have ended; closes both. */
  static void run(SocketChannel host, RawConnection guest) throws InterruptedException {
    Joint joint = new Joint(host, guest);
    guest.unwatched();
    Thread inward = Thread.ofVirtual().start(joint::inward);
    joint.outward();
    inward.join();
  }

  private void inward() {
    try {
      ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
      while (host.read(buffer) >= 0) {
        guest.write(buffer.flip());
        buffer.clear();
      }
      guest.shutdownOutput();
      ended();
    } catch (IOException e) {
      close();
    }
  }

  private void outward() {
    try {
      ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
      while (guest.read(buffer) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          host.write(buffer);
        }
        buffer.clear();
      }
      host.shutdownOutput();
      ended();
    } catch (IOException e) {
      close();
    }
  }

  private void ended() {
    if (ways.decrementAndGet() == 0) {
      close();
    }
  }

  private void close() {
    Watch.quietly(host);
    Watch.quietly(guest);
  }
}
