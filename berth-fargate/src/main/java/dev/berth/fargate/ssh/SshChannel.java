package dev.berth.fargate.ssh;

import dev.berth.core.guest.Link;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.sshd.client.channel.ChannelDirectTcpip;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.SshConstants;
import org.apache.sshd.common.channel.RemoteWindow;
import org.apache.sshd.common.session.ConnectionService;
import org.apache.sshd.common.util.buffer.Buffer;
import org.apache.sshd.common.util.net.SshdSocketAddress;

/**
 * A connection that the SSH server makes for us, as a blocking byte stream: no port of this host
 * stands between, which others could use. For one reader and one writer at a time; closed from
 * anywhere. What waits for its reader is bounded by {@link #WINDOW}, which the server is not
 * allowed to exceed. Nobody who waits here holds a platform thread.
 */
final class SshChannel implements Link.HalfClosing {
  /** How much may come before it is read, in bytes. */
  static final long WINDOW = 1 << 20;

  private static final int HEADER = 32;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Arrived arrived = new Arrived();
  private final Wire wire;

  /** Nothing more will come. */
  private boolean ended;

  /** The server has closed it in good order. */
  private boolean finished;

  /** It is no more, on either side's wish or because the session broke. */
  private boolean gone;

  private boolean halfClosed;
  private volatile boolean closed;

  private SshChannel(SshdSocketAddress to) {
    this.wire = new Wire(to);
  }

  /**
   * Has the server connect to {@code host}:{@code port}, as it sees it.
   *
   * @throws IOException if the server could not, or did not answer in time
   */
  static SshChannel open(ClientSession session, String host, int port, Duration atMost)
      throws IOException, InterruptedException {
    SshChannel channel = new SshChannel(new SshdSocketAddress(host, port));
    boolean done = false;
    try {
      session.getService(ConnectionService.class).registerChannel(channel.wire);
      SshConnection.done(channel.wire.open(), atMost);
      done = true;
      return channel;
    } finally {
      if (!done) {
        channel.wire.close(true);
      }
    }
  }

  @Override
  public int read(ByteBuffer to) throws IOException {
    int count;
    lock.lock();
    try {
      while (arrived.isEmpty()) {
        if (closed) {
          throw new AsynchronousCloseException();
        }
        if (ended || finished) {
          return -1;
        }
        if (gone) {
          throw new IOException("the SSH session broke");
        }
        await();
      }
      count = arrived.take(to);
    } finally {
      lock.unlock();
    }
    if (!wire.isClosing()) {
      wire.getLocalWindow().release(count);
    }
    return count;
  }

  /** Sends all of it; waits while the other end does not read. */
  @Override
  public int write(ByteBuffer from) throws IOException {
    int size = from.remaining();
    while (from.hasRemaining()) {
      int part = awaitRoom(from.remaining());
      Buffer packet =
          wire.getSession().createBuffer(SshConstants.SSH_MSG_CHANNEL_DATA, part + HEADER);
      packet.putUInt(wire.getRecipient());
      packet.putUInt(part);
      ByteBuffer piece = from.slice(from.position(), part);
      packet.ensureCapacity(part);
      byte[] array = packet.array();
      piece.get(array, packet.wpos(), part);
      packet.wpos(packet.wpos() + part);
      wire.writePacket(packet);
      from.position(from.position() + part);
    }
    return size;
  }

  /** Takes room for some of these bytes, at least one. */
  private int awaitRoom(int wanted) throws IOException {
    RemoteWindow window = wire.getRemoteWindow();
    lock.lock();
    try {
      while (true) {
        if (closed || halfClosed) {
          throw new AsynchronousCloseException();
        }
        if (finished || gone) {
          throw new IOException(gone ? "the SSH session broke" : "the other end closed it");
        }
        long room = Math.min(Math.min(window.getSize(), window.getPacketSize()), wanted);
        if (room > 0) {
          window.consume(room);
          return (int) room;
        }
        await();
      }
    } finally {
      lock.unlock();
    }
  }

  private void await() throws IOException {
    try {
      changed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      close();
      throw new ClosedByInterruptException();
    }
  }

  @Override
  public void shutdownOutput() throws IOException {
    lock.lock();
    try {
      if (halfClosed || closed || gone || finished) {
        return;
      }
      halfClosed = true;
    } finally {
      lock.unlock();
    }
    wire.endOutput();
  }

  @Override
  public boolean isOpen() {
    return !closed;
  }

  /** Closes it, without waiting for the server. */
  @Override
  public void close() {
    signal(() -> {
      closed = true;
      arrived.clear();
    });
    wire.close(false);
  }

  private void signal(Runnable change) {
    lock.lock();
    try {
      change.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The library's end; its methods are called by the threads that read all sockets. */
  private final class Wire extends ChannelDirectTcpip {
    Wire(SshdSocketAddress to) {
      super(new SshdSocketAddress("127.0.0.1", 0), to);
      addCloseFutureListener(future -> signal(() -> gone = true));
    }

    void endOutput() throws IOException {
      sendEof();
    }

    /** No streams and no pumps: what comes and goes is handled here. */
    @Override
    protected void doOpen() {}

    @Override
    protected void doWriteData(byte[] data, int offset, long length) {
      signal(() -> {
        if (!closed) {
          arrived.add(data, offset, (int) length);
        }
      });
    }

    @Override
    protected void doWriteExtendedData(byte[] data, int offset, long length) throws IOException {
      getLocalWindow().release(length);
    }

    @Override
    public void handleWindowAdjust(Buffer buffer) throws IOException {
      super.handleWindowAdjust(buffer);
      signal(() -> {});
    }

    @Override
    public void handleEof() throws IOException {
      super.handleEof();
      signal(() -> ended = true);
    }

    @Override
    public void handleClose() throws IOException {
      signal(() -> finished = true);
      super.handleClose();
    }
  }

  /** How many bytes wait to be read. */
  long waiting() {
    lock.lock();
    try {
      return arrived.bytes();
    } finally {
      lock.unlock();
    }
  }
}
