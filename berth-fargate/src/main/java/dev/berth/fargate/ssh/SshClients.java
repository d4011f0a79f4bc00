package dev.berth.fargate.ssh;

import java.io.IOException;
import java.net.SocketAddress;
import java.security.PublicKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.sshd.client.SshClient;
import org.apache.sshd.client.auth.keyboard.UserInteraction;
import org.apache.sshd.client.auth.pubkey.UserAuthPublicKeyFactory;
import org.apache.sshd.client.config.hosts.HostConfigEntryResolver;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.AttributeRepository.AttributeKey;
import org.apache.sshd.common.NamedFactory;
import org.apache.sshd.common.channel.Channel;
import org.apache.sshd.common.cipher.BuiltinCiphers;
import org.apache.sshd.common.cipher.Cipher;
import org.apache.sshd.common.config.keys.FilePasswordProvider;
import org.apache.sshd.common.keyprovider.KeyIdentityProvider;
import org.apache.sshd.common.session.Session;
import org.apache.sshd.common.util.net.SshdSocketAddress;
import org.apache.sshd.core.CoreModuleProperties;
import org.apache.sshd.server.forward.ForwardedTcpipFactory;
import org.apache.sshd.server.forward.ForwardingFilter;
import org.jspecify.annotations.Nullable;

/**
 * The one SSH client of this process, which all tunnels share: a few threads for all sockets, one
 * for all clocks. It is there as long as a tunnel holds it. Nothing is read from the user's own SSH
 * configuration, keys or agent.
 */
final class SshClients {
  private static final ReentrantLock LOCK = new ReentrantLock();
  private static @Nullable SshClients shared;

  private final SshClient client;
  private final ExecutorService sockets;
  private final ScheduledThreadPoolExecutor clock;
  private int holders;

  private SshClients() {
    int threads = Math.max(2, Math.min(8, Runtime.getRuntime().availableProcessors()));
    sockets = Executors.newFixedThreadPool(threads, threads("berth-ssh-"));
    clock = new ScheduledThreadPoolExecutor(1, threads("berth-ssh-clock-"));
    clock.setRemoveOnCancelPolicy(true);
    client = SshClient.setUpDefaultClient();
    client.setIoServiceFactoryFactory(new Sockets(sockets));
    client.setScheduledExecutorService(clock, false);
    client.setHostConfigEntryResolver(HostConfigEntryResolver.EMPTY);
    client.setKeyIdentityProvider(KeyIdentityProvider.EMPTY_KEYS_PROVIDER);
    client.setFilePasswordProvider(FilePasswordProvider.EMPTY);
    client.setUserAuthFactories(List.of(UserAuthPublicKeyFactory.INSTANCE));
    client.setServerKeyVerifier(SshClients::verify);
    client.setUserInteraction(new Greeting());
    client.setForwardingFilter(new OnlyForwarded());
    client.setChannelFactories(List.of(new FewForwarded()));
    client.setCipherFactories(ciphers(client.getCipherFactories()));
    // Small frames go to and fro; without it each waits up to 40 ms for the last one's receipt.
    CoreModuleProperties.TCP_NODELAY.set(client, true);
    CoreModuleProperties.WINDOW_SIZE.set(client, SshChannel.WINDOW);
    CoreModuleProperties.HEARTBEAT_INTERVAL.set(client, Duration.ofSeconds(2));
    CoreModuleProperties.HEARTBEAT_NO_REPLY_MAX.set(client, 2);
    CoreModuleProperties.IDLE_TIMEOUT.set(client, Duration.ZERO);
    CoreModuleProperties.NIO2_READ_TIMEOUT.set(client, Duration.ZERO);
    client.start();
  }

  private static java.util.concurrent.ThreadFactory threads(String prefix) {
    return Thread.ofPlatform().daemon().name(prefix, 0).factory();
  }

  /** The cipher that both ends have instructions for comes first. */
  private static List<NamedFactory<Cipher>> ciphers(List<NamedFactory<Cipher>> known) {
    List<NamedFactory<Cipher>> ordered = new ArrayList<>(known);
    ordered.removeIf(each -> each.getName().equals(BuiltinCiphers.aes128gcm.getName()));
    ordered.add(0, BuiltinCiphers.aes128gcm);
    return ordered;
  }

  /** The client, started if it is not there; to be {@linkplain #release() released}. */
  static SshClient hold() {
    LOCK.lock();
    try {
      SshClients all = shared;
      if (all == null) {
        all = new SshClients();
        shared = all;
      }
      all.holders++;
      return all.client;
    } finally {
      LOCK.unlock();
    }
  }

  /** Lets go; the last one ends its threads. */
  static void release() {
    SshClients last;
    LOCK.lock();
    try {
      last = shared;
      if (last == null || --last.holders > 0) {
        return;
      }
      shared = null;
    } finally {
      LOCK.unlock();
    }
    SshClients ended = last;
    ended
        .client
        .close(true)
        .addListener(closed -> {
          ended.sockets.shutdown();
          ended.clock.shutdownNow();
        });
  }

  private static boolean verify(ClientSession session, SocketAddress address, PublicKey key) {
    Peer peer = Peer.of(session);
    return peer != null && peer.accepts(key);
  }

  /** Takes the sidecar's banner, and answers no question. */
  private static final class Greeting implements UserInteraction {
    @Override
    public boolean isInteractionAllowed(ClientSession session) {
      return true;
    }

    @Override
    public void welcome(ClientSession session, String banner, String language) {
      Peer peer = Peer.of(session);
      if (peer != null) {
        peer.greeted(banner);
      }
    }

    @Override
    public String @Nullable [] interactive(
        ClientSession session,
        String name,
        String instruction,
        String language,
        String[] prompts,
        boolean[] echo) {
      return null;
    }

    @Override
    public @Nullable String getUpdatedPassword(
        ClientSession session, String prompt, String language) {
      return null;
    }
  }

  /**
   * What comes by reverse forwards, so many at once in each session: any process of the task can
   * connect to their ports, and each connection costs a socket and buffers here. What is too much
   * is refused before there is a channel, since the library would start a thread to close that.
   */
  private static final class FewForwarded extends ForwardedTcpipFactory {
    private static final int MOST_OPEN = 128;
    private static final AttributeKey<AtomicInteger> OPEN = new AttributeKey<>();

    @Override
    public @Nullable Channel createChannel(Session session) throws IOException {
      AtomicInteger open = session.computeAttributeIfAbsent(OPEN, key -> new AtomicInteger());
      if (open.incrementAndGet() > MOST_OPEN) {
        open.decrementAndGet();
        return null;
      }
      Channel channel = super.createChannel(session);
      channel.addCloseFutureListener(closed -> open.decrementAndGet());
      return channel;
    }
  }

  /** The server may connect to what was asked to lead here, and to nothing else. */
  private static final class OnlyForwarded implements ForwardingFilter {
    @Override
    public boolean canForwardAgent(Session session, String type) {
      return false;
    }

    @Override
    public boolean canForwardX11(Session session, String type) {
      return false;
    }

    @Override
    public boolean canListen(SshdSocketAddress address, Session session) {
      return false;
    }

    @Override
    public boolean canConnect(Type type, SshdSocketAddress address, Session session) {
      return type == Type.Forwarded;
    }
  }
}
