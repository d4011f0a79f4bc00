package dev.berth.core.guest;

import dev.berth.SandboxStatus;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** An attacker in the guest's place: answers each connection as its test says. */
final class FakeGuest implements GuestHost, AutoCloseable {
  /** What it does with one connection, the first being number 1. */
  interface Behaviour {
    void serve(int number, Peer peer) throws IOException;
  }

  private final ServerSocketChannel server;
  private final Path socket;
  final AtomicInteger connections = new AtomicInteger();
  final AtomicInteger destroyed = new AtomicInteger();
  volatile boolean gone;

  FakeGuest(Path folder, Behaviour behaviour) throws IOException {
    socket = folder.resolve("fake.sock");
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread.ofVirtual().start(() -> accept(behaviour));
  }

  private void accept(Behaviour behaviour) {
    while (server.isOpen()) {
      try {
        SocketChannel channel = server.accept();
        int number = connections.incrementAndGet();
        Thread.ofVirtual()
            .start(() -> {
              try (channel) {
                behaviour.serve(number, new Peer(channel));
              } catch (IOException e) {
                // The host has closed it: that is what is wanted.
              }
            });
      } catch (IOException e) {
        return;
      }
    }
  }

  /** The attacker's end of a connection. */
  static final class Peer {
    private final SocketChannel channel;
    private final FrameReader reader;

    Peer(SocketChannel channel) {
      this.channel = channel;
      this.reader = new FrameReader(channel);
    }

    void send(Consumer<FrameWriter> frames) throws IOException {
      FrameWriter writer = new FrameWriter(128);
      frames.accept(writer);
      raw(writer.toByteArray());
    }

    void raw(byte[] bytes) throws IOException {
      ByteBuffer all = ByteBuffer.wrap(bytes);
      while (all.hasRemaining()) {
        channel.write(all);
      }
    }

    void welcome(int identity) throws IOException {
      send(to ->
          to.begin(Wire.WELCOME)
              .u32(Wire.MAGIC)
              .u16(Wire.VERSION)
              .u64(identity)
              .u64(identity)
              .u32(1)
              .u32(0)
              .u32(0)
              .u8(0)
              .str("fake")
              .end());
    }

    /** Skips what the host sends up to a frame of this type, and gives its first u64. */
    long await(int type) throws IOException {
      while (true) {
        int next = reader.next();
        if (next < 0) {
          throw new IOException("closed");
        }
        if (next == type) {
          long first = reader.u64();
          reader.rest();
          return first;
        }
        reader.rest();
      }
    }

    /** Reads and drops until the host closes. */
    void drain() throws IOException {
      while (reader.next() >= 0) {
        reader.rest();
      }
    }
  }

  @Override
  public String id() {
    return "fake";
  }

  @Override
  public String provider() {
    return "test";
  }

  @Override
  public Link link() {
    return new Link() {
      @Override
      public ByteChannel connect(Duration atMost) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket));
        return channel;
      }

      @Override
      public boolean gone() {
        return gone;
      }
    };
  }

  @Override
  public List<String> notices() {
    return List.of();
  }

  @Override
  public SandboxStatus status() {
    return SandboxStatus.RUNNING;
  }

  @Override
  public String descriptor() {
    return "{}";
  }

  @Override
  public void detach() {}

  @Override
  public void destroy() {
    destroyed.incrementAndGet();
  }

  @Override
  public void release() {}

  @Override
  public void close() throws IOException {
    server.close();
  }
}
