package dev.berth.fargate.ssh;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.core.guest.Link;
import java.io.IOException;
import java.security.KeyPair;
import java.security.PublicKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.apache.sshd.client.SshClient;
import org.jspecify.annotations.Nullable;

/**
 * An SSH tunnel to a task's sidecar: ports of this host that lead into the task, ports of the task
 * that lead out, and the way to the task's guest. It notices a break within 5 s and heals by
 * itself; its ports stay. The server's host key is always verified, the private key stays in
 * memory. It belongs to whoever made it and is to be closed. Thread-safe.
 */
public final class SshTunnel implements AutoCloseable {
  private static final String PROVIDER = "ecs_fargate";

  private final String host;
  private final int port;
  private final String user;
  private final KeyPair key;
  private final Set<PublicKey> hostKeys;
  private final @Nullable String task;
  private final List<Forward> forwards;
  private final Duration readyWithin;
  private final Duration healWithin;
  private final Supplier<@Nullable String> ended;
  private final Healing way;
  private final Reverses reverses;
  private final Map<Forward, LocalForward> local = new ConcurrentHashMap<>();
  private final AtomicBoolean opened = new AtomicBoolean();
  private final AtomicReference<@Nullable SshClient> client = new AtomicReference<>();
  private volatile int localPort;

  SshTunnel(Builder from, KeyPair key, Set<PublicKey> hostKeys) {
    this.host = from.host;
    this.port = from.port;
    this.user = from.user;
    this.key = key;
    this.hostKeys = hostKeys;
    this.task = from.task;
    this.forwards = List.copyOf(from.forwards);
    this.readyWithin = from.readyWithin;
    this.healWithin = from.healWithin;
    this.ended = from.ended;
    this.reverses = new Reverses(from.reverses);
    this.way = new Healing(this::connect, ended);
  }

  /**
   * Begins to rehearse a tunnel, and to read these keys, so that the first one is not kept waiting
   * for what has to be loaded; once in a process, in the background.
   */
  public static void warmUp(String privateKey, List<String> hostKeys) {
    WarmUp.begin(privateKey, List.copyOf(hostKeys));
  }

  /** Describes a tunnel to this name or address. */
  public static Builder to(String host) {
    return new Builder(host);
  }

  /**
   * Opens it: tries until the server is there, then returns with all ports in place.
   *
   * @throws CreateException if it could not be opened in time, the server is another than was
   *     meant, or refuses the key or a port
   */
  public void open() throws InterruptedException {
    if (!opened.compareAndSet(false, true)) {
      throw new RequestException(
          "Tried to open an SSH tunnel that was opened before; make another.");
    }
    client.set(SshClients.hold());
    boolean done = false;
    try {
      way.start(readyWithin, healWithin);
      for (Forward forward : forwards) {
        LocalForward listening = new LocalForward(way, forward);
        local.put(forward, listening);
        localPort = localPort == 0 ? listening.localPort() : localPort;
      }
      if (way.lost() != null) {
        throw new IOException(way.lost());
      }
      done = true;
    } catch (IOException e) {
      throw new CreateException(
          PROVIDER,
          null,
          "Tried to open an SSH tunnel to " + host + ":" + port + ", but " + e.getMessage() + ".",
          e);
    } finally {
      if (!done) {
        close();
      }
    }
  }

  /** Whether {@link #open} failed because whoever answers is another, or refuses us. */
  public static boolean refused(CreateException failure) {
    return failure.getCause() instanceof SshConnection.Refused;
  }

  private SshConnection connect(Duration reachWithin) throws IOException, InterruptedException {
    SshClient with = client.get();
    if (with == null) {
      throw new IOException("the SSH tunnel was closed");
    }
    SshConnection connection =
        SshConnection.open(with, host, port, user, key, new Peer(hostKeys, task), reachWithin);
    boolean done = false;
    try {
      reverses.open(connection);
      done = true;
      return connection;
    } finally {
      if (!done) {
        connection.close();
      }
    }
  }

  /** Whether it works now, as far as is known; while it heals it does not. */
  public boolean isOpen() {
    return way.isUp();
  }

  /** Why it will never work again; empty while it works or may heal. */
  public java.util.Optional<String> lost() {
    return java.util.Optional.ofNullable(way.lost());
  }

  /** The port of this host's loopback of the first forward; 0 if there is none. */
  public int localPort() {
    return localPort;
  }

  /** The port of this host's loopback of a forward of this tunnel. */
  public int localPort(Forward forward) {
    LocalForward listening = local.get(forward);
    if (listening == null) {
      throw new RequestException(
          "Tried to find the local port of " + forward + "; it is not open.");
    }
    return listening.localPort();
  }

  /** The port of the task's loopback of a reverse forward of this tunnel. */
  public int remotePort(Forward reverse) {
    return reverses.port(reverse);
  }

  /**
   * The way to the guest that listens on this port of the task's loopback, through no port of this
   * host. It works as long as the tunnel is not closed.
   *
   * @param token see {@link Link#token()}
   */
  public Link link(int guestPort, byte[] token) {
    return new SshLink(way, guestPort, token.clone(), ended);
  }

  /** The connection, for what else has to be done in the sidecar. */
  SshConnection connection(Duration atMost) throws IOException, InterruptedException {
    return way.connection(atMost);
  }

  @Override
  public void close() {
    way.close();
    local.values().forEach(LocalForward::close);
    if (client.getAndSet(null) != null) {
      SshClients.release();
    }
  }

  /** What a tunnel is to be. Not thread-safe. */
  public static final class Builder {
    private final String host;
    private int port = 2222;
    private String user = "root";
    private @Nullable String key;
    private final List<String> hostKeys = new ArrayList<>();
    private @Nullable String task;
    private final List<Forward> forwards = new ArrayList<>();
    private final List<Forward> reverses = new ArrayList<>();
    private Duration readyWithin = Duration.ofSeconds(120);
    private Duration healWithin = Duration.ofMinutes(2);
    private Supplier<@Nullable String> ended = () -> null;

    private Builder(String host) {
      this.host = host;
    }

    /** The server's port; else 2222. */
    public Builder port(int value) {
      port = value;
      return this;
    }

    /** Who logs in; else root. */
    public Builder user(String value) {
      user = value;
      return this;
    }

    /** The private key's text, as OpenSSH or PEM write it, without a passphrase. */
    public Builder key(String text) {
      key = text;
      return this;
    }

    /** A public key that the server may show, as {@code ssh-ed25519 AAAA…}; at least one is due. */
    public Builder hostKey(String line) {
      hostKeys.add(line);
      return this;
    }

    /**
     * What the sidecar's banner must be, if anything: so that the sidecar of another task, which
     * was given the same address and has the same host key, is not taken for this one.
     */
    public Builder task(String value) {
      task = value;
      return this;
    }

    /** A port of this host's loopback that leads into the task. */
    public Builder forward(Forward value) {
      forwards.add(value);
      return this;
    }

    /**
     * A port of the task's loopback that leads out. If it is taken there, another is found; equal
     * targets share one.
     */
    public Builder reverse(Forward value) {
      reverses.add(value);
      return this;
    }

    /** How long {@link #open()} tries; else 120 s. */
    public Builder readyWithin(Duration value) {
      readyWithin = value;
      return this;
    }

    /** How long a break may last before the tunnel is lost; else 2 min. */
    public Builder healWithin(Duration value) {
      healWithin = value;
      return this;
    }

    /** Says why the task is no more, or null while it is: then nobody tries any longer. */
    public Builder ended(Supplier<@Nullable String> value) {
      ended = value;
      return this;
    }

    /**
     * The tunnel, not yet open.
     *
     * @throws RequestException if a key is missing or cannot be read
     */
    public SshTunnel build() {
      return new SshTunnel(this, SshKeys.privateKey(key), SshKeys.publicKeys(hostKeys));
    }
  }
}
