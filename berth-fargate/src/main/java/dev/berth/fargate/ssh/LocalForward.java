package dev.berth.fargate.ssh;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A port of this host's loopback that leads into the task. It stays while the tunnel heals: who
 * connects meanwhile waits.
 */
final class LocalForward implements Closeable {
  private static final int MOST_OPEN = 256;
  private static final int BUFFER = 1 << 15;
  private static final Duration HEAL_WITHIN = Duration.ofSeconds(30);
  private static final Duration OPEN_WITHIN = Duration.ofSeconds(10);

  private final Healing way;
  private final Forward forward;
  private final ServerSocketChannel server;
  private final Semaphore room = new Semaphore(MOST_OPEN);
  private final Set<Closeable> open = ConcurrentHashMap.newKeySet();

  /** Listens at once; connections are accepted until it is closed. */
  LocalForward(Healing way, Forward forward) throws IOException {
    this.way = way;
    this.forward = forward;
    this.server = ServerSocketChannel.open();
    boolean done = false;
    try {
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), forward.port()));
      done = true;
    } finally {
      if (!done) {
        server.close();
      }
    }
    Thread.ofVirtual().name("berth-forward-" + localPort()).start(this::accept);
  }

  int localPort() {
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
        java.util.concurrent.locks.LockSupport.parkNanos(50_000_000);
      }
    }
  }

  private void serve(SocketChannel client) {
    SshChannel inside = null;
    try {
      client.socket().setTcpNoDelay(true);
      inside = way.connection(HEAL_WITHIN).channel(forward.host(), forward.hostPort(), OPEN_WITHIN);
      open.add(inside);
      SshChannel remote = inside;
      AtomicInteger ways = new AtomicInteger(2);
      Thread out =
          Thread.ofVirtual()
              .start(() -> pump(remote, client, client::shutdownOutput, ways, remote, client));
      pump(client, remote, remote::shutdownOutput, ways, remote, client);
      out.join();
    } catch (IOException | InterruptedException e) {
      // The caller sees its connection closed, as it would see it refused.
    } finally {
      quietly(client);
      quietly(inside);
      open.remove(client);
      if (inside != null) {
        open.remove(inside);
      }
      room.release();
    }
  }

  private interface Ending {
    void end() throws IOException;
  }

  private static void pump(
      ReadableByteChannel from,
      WritableByteChannel to,
      Ending ending,
      AtomicInteger ways,
      Closeable one,
      Closeable other) {
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    try {
      while (from.read(buffer.clear()) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          to.write(buffer);
        }
      }
      ending.end();
      if (ways.decrementAndGet() > 0) {
        return;
      }
    } catch (IOException e) {
      // Broken on one side is broken on both.
    }
    quietly(one);
    quietly(other);
  }

  private static void quietly(@Nullable Closeable each) {
    if (each != null) {
      try {
        each.close();
      } catch (IOException e) {
        // Closed is closed.
      }
    }
  }

  @Override
  public void close() {
    quietly(server);
    open.forEach(LocalForward::quietly);
  }
}
