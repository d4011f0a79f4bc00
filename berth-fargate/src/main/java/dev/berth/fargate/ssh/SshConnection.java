package dev.berth.fargate.ssh;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.KeyPair;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.sshd.client.SshClient;
import org.apache.sshd.client.channel.ChannelExec;
import org.apache.sshd.client.future.ConnectFuture;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.SshConstants;
import org.apache.sshd.common.SshException;
import org.apache.sshd.common.future.CancelOption;
import org.apache.sshd.common.future.SshFuture;
import org.apache.sshd.common.future.VerifiableFuture;
import org.apache.sshd.common.util.buffer.Buffer;
import org.apache.sshd.common.util.net.SshdSocketAddress;
import org.jspecify.annotations.Nullable;

/** One authenticated SSH session, from its start to its end; it does not heal. Thread-safe. */
final class SshConnection implements AutoCloseable {
  private static final Duration HANDSHAKE_WITHIN = Duration.ofSeconds(10);
  private static final int MOST_SAID = 1 << 16;

  /** A request that no server knows and each answers. */
  private static final String KEEPALIVE = "keepalive@openssh.com";

  private static final String LOOPBACK = "127.0.0.1";

  private final ClientSession session;
  private final CountDownLatch over = new CountDownLatch(1);

  /** Whoever answers is not who was meant, or refuses us: trying again would not help. */
  static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;

    Refused(String why, @Nullable Throwable cause) {
      super(why, cause);
    }
  }

  /** What a command of the sidecar's shell said, its errors apart, and its exit code. */
  record Said(int code, String text, String errors) {
    private static final int LONGEST = 300;

    /** How it failed, for people: the errors' end, on one line that moves no cursor. */
    String failure() {
      String clean = errors.replaceAll("[\\p{Cc}\\s]+", " ").strip();
      String end =
          clean.length() <= LONGEST ? clean : "… " + clean.substring(clean.length() - LONGEST);
      return "its sidecar's shell ended with code " + code + (end.isEmpty() ? "" : ": " + end);
    }
  }

  private SshConnection(ClientSession session) {
    this.session = session;
    session.addCloseFutureListener(future -> over.countDown());
  }

  /**
   * Connects and authenticates.
   *
   * @throws Refused if the server is another, or takes no such user and key
   * @throws IOException if it cannot be reached now
   */
  static SshConnection open(
      SshClient client,
      String host,
      int port,
      String user,
      KeyPair key,
      Peer peer,
      Duration reachWithin)
      throws IOException, InterruptedException {
    ConnectFuture reached =
        done(client.connect(user, host, port, peer.context(), null), reachWithin);
    ClientSession session = reached.getClientSession();
    SshConnection connection = new SshConnection(session);
    boolean done = false;
    try {
      session.addPublicKeyIdentity(key);
      done(session.auth(), HANDSHAKE_WITHIN);
      String refusal = peer.refusal();
      if (refusal != null) {
        throw new Refused(refusal, null);
      }
      done = true;
      return connection;
    } catch (Refused e) {
      throw e;
    } catch (IOException e) {
      // Of whatever kind: the session may have ended by it before it was asked to authenticate.
      String refusal = peer.strange() ? peer.refusal() : null;
      if (refusal != null) {
        throw new Refused(refusal, e);
      }
      if (e instanceof SshException said
          && said.getDisconnectCode()
              == SshConstants.SSH2_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE) {
        throw new Refused("the sidecar does not take this key for the user " + user, e);
      }
      throw e;
    } finally {
      if (!done) {
        connection.close();
      }
    }
  }

  boolean isOpen() {
    return session.isOpen() && !session.isClosing();
  }

  /** Waits until it is over, for whatever reason. */
  void awaitEnd() throws InterruptedException {
    over.await();
  }

  /** Waits for what the library does; a thread that is interrupted meanwhile says so. */
  static <T extends VerifiableFuture<?> & SshFuture<?>> T done(T future, Duration atMost)
      throws IOException, InterruptedException {
    try {
      future.verify(atMost, CancelOption.CANCEL_ON_TIMEOUT, CancelOption.CANCEL_ON_INTERRUPT);
      return future;
    } catch (InterruptedIOException e) {
      throw interrupted(e);
    }
  }

  private static InterruptedException interrupted(InterruptedIOException e)
      throws InterruptedIOException {
    // Its time-outs are of this type, too.
    if (e instanceof SocketTimeoutException) {
      throw e;
    }
    // The library may have cleared the mark, or not.
    Thread.interrupted();
    return new InterruptedException();
  }

  /**
   * Whether the server answers within this time. Its answer comes behind all that it has sent
   * before.
   */
  boolean answers(Duration atMost) throws InterruptedException {
    CountDownLatch answered = new CountDownLatch(1);
    Buffer ask = session.createBuffer(SshConstants.SSH_MSG_GLOBAL_REQUEST, KEEPALIVE.length() + 16);
    ask.putString(KEEPALIVE);
    ask.putBoolean(true);
    try {
      session.request(ask, KEEPALIVE, (command, reply) -> answered.countDown());
    } catch (IOException e) {
      return false;
    }
    return answered.await(atMost.toNanos(), TimeUnit.NANOSECONDS) && isOpen();
  }

  SshChannel channel(String host, int port, Duration atMost)
      throws IOException, InterruptedException {
    return SshChannel.open(session, host, port, atMost);
  }

  /**
   * Has a port of the task's loopback lead to an address seen from here. A name is looked up here
   * and now: else each connection that the task makes would do it, in a thread that reads sockets.
   *
   * @param port 0: any that is free
   * @return the port
   * @throws SshException if the server refuses, most likely because the port is taken
   */
  int reverse(int port, String host, int hostPort) throws IOException, InterruptedException {
    try {
      return session
          .startRemotePortForwarding(
              new SshdSocketAddress(LOOPBACK, port),
              new SshdSocketAddress(resolved(host), hostPort))
          .getPort();
    } catch (InterruptedIOException e) {
      throw interrupted(e);
    }
  }

  private static String resolved(String host) {
    try {
      return InetAddress.getByName(host).getHostAddress();
    } catch (UnknownHostException e) {
      // It may be known later: then each connection looks for it.
      return host;
    }
  }

  /**
   * Runs a command by the sidecar's shell, with this input.
   *
   * @throws IOException if it did not end in time, or the session broke; then it may have run or
   *     not
   */
  Said run(String command, byte[] input, Duration atMost) throws IOException, InterruptedException {
    ChannelExec channel = session.createExecChannel(command);
    ByteArrayOutputStream said = new Bounded();
    channel.setOut(said);
    ByteArrayOutputStream errors = new Bounded();
    channel.setErr(errors);
    CountDownLatch ended = new CountDownLatch(1);
    channel.addCloseFutureListener(future -> ended.countDown());
    try {
      done(channel.open(), HANDSHAKE_WITHIN);
      try (OutputStream to = channel.getInvertedIn()) {
        to.write(input);
      } catch (InterruptedIOException e) {
        throw interrupted(e);
      } catch (IOException e) {
        // Whoever wants no input may have ended before it came: then its exit code counts.
        if (channel.isOpen()) {
          throw e;
        }
      }
      if (!ended.await(atMost.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new IOException("a command of the sidecar did not end within " + atMost);
      }
      Integer code = channel.getExitStatus();
      if (code == null) {
        throw new IOException("a command of the sidecar was cut off");
      }
      return new Said(code, said.toString(UTF_8), errors.toString(UTF_8));
    } finally {
      channel.close(true);
    }
  }

  @Override
  public void close() {
    session.close(true);
  }

  /** Drops what is too much. */
  private static final class Bounded extends ByteArrayOutputStream {
    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
      super.write(bytes, offset, Math.min(length, MOST_SAID - size()));
    }

    @Override
    public synchronized void write(int value) {
      if (size() < MOST_SAID) {
        super.write(value);
      }
    }
  }
}
