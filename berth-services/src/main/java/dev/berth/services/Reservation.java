package dev.berth.services;

import dev.berth.RequestException;
import java.io.Closeable;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ports of this host, in a row, that are kept for a server which is yet to listen on them.
 *
 * <p>Each is held by two sockets. A TCP socket that is bound with SO_REUSEADDR and never listens:
 * the kernel gives such a port to nobody who asks for any port, but lets a server with SO_REUSEADDR
 * bind and listen on it. And a UDP socket on an address of loopback that nobody else uses: it is
 * the lock between all who reserve ports this way, of whichever process and user, also when the
 * first one is let go for a server without SO_REUSEADDR. The kernel takes both back when this
 * process dies. ADR 7. For one thread at a time.
 */
public final class Reservation implements AutoCloseable {
  private static final int MOST_TRIES = 100;
  private static final byte[] LOCKS = {127, 66, 69, 82};

  private final Address address;
  private final List<Integer> ports = new ArrayList<>();
  private final List<SocketChannel> held = new ArrayList<>();
  private final List<DatagramChannel> locks = new ArrayList<>();

  private Reservation(Address address) {
    this.address = address;
  }

  /**
   * A port of this host, or a free one.
   *
   * @throws RequestException if it is not available
   */
  public static Reservation take(String host, @Nullable Integer port) {
    Address address = Address.of(host);
    return port == null ? any(address, 1) : of(address, port, 1);
  }

  /** A free port, with the {@code count - 1} that follow it. */
  static Reservation any(Address address, int count) {
    IOException last = new BindException("no port is free");
    for (int i = 0; i < MOST_TRIES; i++) {
      Reservation made = new Reservation(address);
      try {
        made.take(0, count);
        return made;
      } catch (BindException e) {
        made.close();
        last = e;
      } catch (IOException e) {
        made.close();
        throw new RequestException(
            null, null, "Tried to reserve a port, but " + e.getMessage() + ".", e);
      }
    }
    throw new RequestException(
        null,
        null,
        "Tried to reserve "
            + count
            + " free ports on "
            + address.text()
            + " "
            + MOST_TRIES
            + " times, but "
            + last.getMessage()
            + "; name an address of this host, or free some of its ports.",
        last);
  }

  /** This port, with the {@code count - 1} that follow it. */
  static Reservation of(Address address, int port, int count) {
    Reservation made = new Reservation(address);
    try {
      made.take(port, count);
      return made;
    } catch (IOException e) {
      int taken = port + made.locks.size();
      made.close();
      throw new RequestException(
          null,
          null,
          "Tried to serve on port "
              + port
              + ", but Port "
              + taken
              + " is not available ("
              + e.getMessage()
              + "); choose another, or none for a free one.",
          e);
    }
  }

  private void take(int port, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      int wanted = port == 0 && i == 0 ? 0 : (port == 0 ? port() : port) + i;
      if (wanted > 65_535) {
        throw new BindException("ports end at 65535");
      }
      SocketChannel socket = bound(address, wanted);
      held.add(socket);
      ports.add(socket.socket().getLocalPort());
      DatagramChannel lock = DatagramChannel.open(StandardProtocolFamily.INET);
      try {
        lock.bind(new InetSocketAddress(InetAddress.getByAddress(LOCKS), ports.get(i)));
      } catch (IOException e) {
        lock.close();
        throw e;
      }
      locks.add(lock);
    }
  }

  private static SocketChannel bound(Address address, int port) throws IOException {
    SocketChannel socket =
        SocketChannel.open(
            address.isSix() ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET);
    try {
      socket.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      return socket.bind(new InetSocketAddress(address.value(), port));
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  /** The first of the ports. */
  public int port() {
    return ports.get(0);
  }

  /** Whether somebody has one of the ports that were let go. */
  boolean isTaken() {
    for (int port : ports) {
      try {
        bound(address, port).close();
      } catch (IOException e) {
        return true;
      }
    }
    return false;
  }

  /**
   * Lets go of what keeps a server without SO_REUSEADDR from listening. Others of this kind still
   * keep off.
   */
  void open() {
    held.forEach(Reservation::close);
  }

  @Override
  public void close() {
    held.forEach(Reservation::close);
    locks.forEach(Reservation::close);
  }

  private static void close(Closeable channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // It is closed all the same.
    }
  }
}
