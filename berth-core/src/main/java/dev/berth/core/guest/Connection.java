package dev.berth.core.guest;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** A framed connection to a guest that has answered: the control connection. */
final class Connection implements Closeable {
  private final ByteChannel channel;
  private final FrameReader reader;
  private final Welcome welcome;

  private Connection(ByteChannel channel, FrameReader reader, Welcome welcome) {
    this.channel = channel;
    this.reader = reader;
    this.welcome = welcome;
  }

  /** What a guest says of itself. */
  record Welcome(ByteBuffer identity, long pid, long uid, long gid, int users, String version) {
    static Welcome read(FrameReader reader) throws IOException {
      int type = reader.next();
      if (type == Wire.FAULT) {
        throw fault(reader);
      }
      if (type != Wire.WELCOME) {
        throw type < 0
            ? new IOException("the guest closed the connection before it answered")
            : new ProtocolException("a frame of type " + type + " in place of WELCOME");
      }
      long magic = reader.u32();
      int version = reader.u16();
      if (magic != Wire.MAGIC || version != Wire.VERSION) {
        throw new ProtocolException("WELCOME of another protocol or version (" + version + ")");
      }
      Welcome welcome =
          new Welcome(
              ByteBuffer.wrap(reader.bytes(16)).asReadOnlyBuffer(),
              reader.u32(),
              reader.u32(),
              reader.u32(),
              reader.u8(),
              reader.str(256));
      reader.end();
      return welcome;
    }
  }

  /**
   * Connects and waits for WELCOME.
   *
   * @throws IOException if the guest does not answer in this time or answers with something else;
   *     the connection is closed then
   */
  @SuppressWarnings("try") // A watch is not spoken to: it works by being open.
  static Connection open(Link link, Duration atMost, BooleanSupplier gone)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + Watch.nanos(atMost);
    ByteChannel channel = link.connect(atMost);
    boolean open = false;
    try (Watch watch = Watch.limit(channel, Duration.ofNanos(deadline - System.nanoTime()), gone)) {
      FrameReader reader = new FrameReader(channel);
      ByteBuffer bytes = Handshake.hello(link.token(), channel, reader).view();
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      Connection connection = new Connection(channel, reader, Welcome.read(reader));
      open = true;
      return connection;
    } catch (java.nio.channels.ClosedByInterruptException e) {
      Thread.interrupted();
      throw new InterruptedException();
    } catch (java.nio.channels.ClosedChannelException e) {
      throw new IOException("the guest did not answer in time", e);
    } finally {
      if (!open) {
        Watch.quietly(channel);
      }
    }
  }

  /** The error for a FAULT that was just read. */
  static IOException fault(FrameReader reader) throws IOException {
    int code = reader.u8();
    String reason = reader.str(4096);
    return new IOException("the guest refused (fault " + code + "): " + reason);
  }

  ByteChannel channel() {
    return channel;
  }

  FrameReader reader() {
    return reader;
  }

  Welcome welcome() {
    return welcome;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
