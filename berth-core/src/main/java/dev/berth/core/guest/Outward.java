package dev.berth.core.guest;

import dev.berth.TransferLimits;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Ports on the sandbox's loopback that lead to hosts outside: to exactly those that were asked for.
 * Thread-safe.
 */
final class Outward implements Closeable {
  private static final int FIRST_PORT = 20_000;
  private static final int LAST_PORT = 60_999;
  private static final int MOST_OPEN = 128;
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
  private static final int CONNECT_MILLIS = 10_000;

  private final GuestClient client;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Target, Integer> ports = new LinkedHashMap<>();
  private final Map<Long, Target> listeners = new ConcurrentHashMap<>();
  private final Semaphore room = new Semaphore(MOST_OPEN);
  private final Set<Closeable> open = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /** Somewhere outside. */
  record Target(String host, int port) {
    /**
     * The same for the same target in every process: who connects to a sandbox later takes over the
     * ports that lead there.
     */
    long listener() {
      byte[] name = (host + ":" + port).getBytes(StandardCharsets.UTF_8);
      return UUID.nameUUIDFromBytes(name).getMostSignificantBits();
    }
  }

  Outward(GuestClient client) {
    this.client = client;
  }

  /**
   * The port on the sandbox's loopback that leads to {@code target}: its own if that is free there.
   */
  int port(Target target) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      Integer known = ports.get(target);
      if (known != null) {
        return known;
      }
      long listener = target.listener();
      String tried = "lead a port of its own to " + target.host() + ":" + target.port();
      listeners.put(listener, target);
      client.onReconnect(again(), this::incoming);
      GuestClient.Listening answer =
          client.ask(
              tried,
              GuestClient.Listening.key(listener),
              GuestClient.Listening.class,
              ANSWER_WITHIN,
              to -> listen(to, listener, target.port()));
      if (answer.errno() != 0) {
        listeners.remove(listener);
        client.onReconnect(again(), this::incoming);
        throw client
            .faults()
            .request(
                "Tried to "
                    + tried
                    + ", but the sandbox has none to give: "
                    + Errno.text(answer.errno())
                    + ".");
      }
      ports.put(target, answer.port());
      return answer.port();
    } finally {
      lock.unlock();
    }
  }

  private static void listen(FrameWriter to, long listener, int port) {
    to.begin(Wire.LISTEN).u64(listener).str("127.0.0.1");
    to.u16(port).u16(FIRST_PORT).u16(LAST_PORT).end();
  }

  private List<Consumer<FrameWriter>> again() {
    List<Consumer<FrameWriter>> frames = new ArrayList<>();
    listeners.forEach((listener, target) -> frames.add(to -> listen(to, listener, target.port())));
    return frames;
  }

  /**
   * Somebody in the sandbox has connected. What is too much, or leads nowhere, is left alone: the
   * guest closes it after a while.
   */
  private void incoming(long listener, long number) {
    Target target = listeners.get(listener);
    if (target != null && !closed && room.tryAcquire()) {
      Thread.ofVirtual().start(() -> serve(target, number));
    }
  }

  private void serve(Target target, long number) {
    RawConnection guest = null;
    SocketChannel outside = null;
    try {
      guest =
          RawConnection.connect(
              client.link(), to -> to.u8(Wire.ACCEPT).u64(number), TransferLimits.DEFAULT);
      open.add(guest);
      guest.open();
      outside = SocketChannel.open();
      open.add(outside);
      if (closed) {
        throw new IOException("closed");
      }
      outside.socket().connect(new InetSocketAddress(target.host(), target.port()), CONNECT_MILLIS);
      outside.socket().setTcpNoDelay(true);
      Joint.run(outside, guest);
    } catch (IOException | InterruptedException | RuntimeException e) {
      // The sandbox sees its connection closed, as it would see it refused.
      Watch.quietly(guest);
      Watch.quietly(outside);
    } finally {
      if (guest != null) {
        open.remove(guest);
      }
      if (outside != null) {
        open.remove(outside);
      }
      room.release();
    }
  }

  @Override
  public void close() {
    closed = true;
    open.forEach(Watch::quietly);
  }
}
