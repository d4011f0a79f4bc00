package dev.berth.fargate.ssh;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.keyprovider.KeyPairProvider;
import org.apache.sshd.common.session.Session;
import org.apache.sshd.common.util.net.SshdSocketAddress;
import org.apache.sshd.core.CoreModuleProperties;
import org.apache.sshd.server.ServerBuilder;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.server.auth.pubkey.UserAuthPublicKeyFactory;
import org.apache.sshd.server.command.AbstractCommandSupport;
import org.apache.sshd.server.forward.StaticDecisionForwardingFilter;

/**
 * A first tunnel that nobody waits for, to a server of this process: in a JVM that has just
 * started, the library's classes and the ciphers cost several times what a session costs later. The
 * server listens on loopback for as long as that takes, and lets nobody in but this rehearsal, by a
 * key that only it has.
 */
final class WarmUp {
  private static final AtomicBoolean BEGUN = new AtomicBoolean();
  private static final String LOOPBACK = "127.0.0.1";
  private static final String NAME = "rehearsal";
  private static final Duration WITHIN = Duration.ofSeconds(5);
  private static final int ED25519_BITS = 256;

  private WarmUp() {}

  /** Begins, once in this process, in a thread that ends by itself; nothing depends on it. */
  static void begin(String privateKey, List<String> hostKeys) {
    if (BEGUN.compareAndSet(false, true)) {
      Thread.ofPlatform()
          .daemon()
          .name("berth-ssh-warm-up")
          .start(() -> {
            try {
              run(privateKey, hostKeys);
            } catch (IOException | GeneralSecurityException | RuntimeException e) {
              // Whoever opens a tunnel meets the same, and says it.
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
    }
  }

  static void run(String privateKey, List<String> hostKeys)
      throws IOException, GeneralSecurityException, InterruptedException {
    SshKeys.privateKey(privateKey);
    SshKeys.publicKeys(hostKeys);
    KeyPair ours = KeyUtils.generateKeyPair(KeyPairProvider.SSH_ED25519, ED25519_BITS);
    KeyPair theirs = KeyUtils.generateKeyPair(KeyPairProvider.SSH_ED25519, ED25519_BITS);
    SshServer server = server(ours, theirs);
    try {
      server.start();
      SshTunnel.Builder to = SshTunnel.to(LOOPBACK).port(server.getPort()).task(NAME);
      try (SshTunnel tunnel =
          new SshTunnel(to.readyWithin(WITHIN), ours, Set.of(theirs.getPublic()))) {
        tunnel.open();
        SshConnection connection = tunnel.connection(WITHIN);
        connection.run(NAME, new byte[1 << 16], WITHIN);
        // The server greets whoever connects, itself included, and expects as much.
        try (SshChannel channel = connection.channel(LOOPBACK, server.getPort(), WITHIN)) {
          channel.read(ByteBuffer.allocate(64));
          channel.write(StandardCharsets.US_ASCII.encode("SSH-2.0-" + NAME + "\r\n"));
        }
      }
    } finally {
      server.close(true);
    }
  }

  private static SshServer server(KeyPair client, KeyPair own) {
    SshServer server = ServerBuilder.builder().build();
    server.setHost(LOOPBACK);
    server.setNioWorkers(1);
    server.setKeyPairProvider(KeyPairProvider.wrap(own));
    server.setUserAuthFactories(List.of(UserAuthPublicKeyFactory.INSTANCE));
    server.setPublickeyAuthenticator(
        (user, key, session) -> KeyUtils.compareKeys(key, client.getPublic()));
    server.setCommandFactory((channel, command) -> new Echo());
    server.setForwardingFilter(new OnlyItself(server));
    CoreModuleProperties.WELCOME_BANNER.set(server, NAME);
    return server;
  }

  /** Gives back its input, and ends. */
  private static final class Echo extends AbstractCommandSupport {
    Echo() {
      super(NAME, null);
    }

    @Override
    public void run() {
      try {
        getInputStream().transferTo(getOutputStream());
        onExit(0);
      } catch (IOException e) {
        onExit(1);
      }
    }
  }

  /** Leads to the server itself and nowhere else. */
  private static final class OnlyItself extends StaticDecisionForwardingFilter {
    private final SshServer server;

    OnlyItself(SshServer server) {
      super(false);
      this.server = server;
    }

    @Override
    public boolean canConnect(Type type, SshdSocketAddress address, Session session) {
      return type == Type.Direct
          && address.getHostName().equals(LOOPBACK)
          && address.getPort() == server.getPort();
    }
  }
}
