package dev.berth.core.guest;

import dev.berth.TransferLimits;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;

/** A port on the host's loopback that leads to a port on the sandbox's. */
final class Inward implements Closeable {
  private static final int MOST_OPEN = 128;
  private static final long RETRY_NANOS = 50_000_000;

  private final Link link;
  private final int port;
  private final ServerSocketChannel server;
  private final Semaphore room = new Semaphore(MOST_OPEN);
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();

  /** Listens on a free port; connections are accepted until it is closed. */
  Inward(Link link, int port) throws IOException {
    this.link = link;
    this.port = port;
    this.server = ServerSocketChannel.open();
    server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    Thread.ofVirtual().name("berth-endpoint-" + port).start(this::accept);
  }

  int hostPort() {
    return server.socket().getLocalPort();
  }

  private void accept() {
    while (server.isOpen()) {
      try {
        room.acquire();
        SocketChannel client = server.accept();
        open.add(client);
        Thread.ofVirtual().start(() -> serve(client));
      } catch (ClosedChannelException | InterruptedException e) {
        return;
      } catch (IOException e) {
        // Out of descriptors, most likely: those who are connected may end.
        room.release();
        LockSupport.parkNanos(RETRY_NANOS);
      }
    }
  }

  private void serve(SocketChannel client) {
    RawConnection guest = null;
    try {
      client.socket().setTcpNoDelay(true);
      guest =
          RawConnection.connect(
              link, to -> to.u8(Wire.CONNECT).str("localhost").u16(port), TransferLimits.DEFAULT);
      guest.open();
      Joint.run(client, guest);
    } catch (IOException | InterruptedException e) {
      // Nobody listens there: the caller sees its connection closed, as it would see it refused.
      Watch.quietly(client);
      Watch.quietly(guest);
    } finally {
      open.remove(client);
      room.release();
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    open.forEach(Watch::quietly);
  }
}
