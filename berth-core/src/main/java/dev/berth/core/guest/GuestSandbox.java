package dev.berth.core.guest;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.Endpoints;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.ProcessSummary;
import dev.berth.Reconnect;
import dev.berth.Sandbox;
import dev.berth.SandboxEndpoint;
import dev.berth.SandboxLostException;
import dev.berth.SandboxProcess;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.TerminalSize;
import dev.berth.Terminals;
import dev.berth.Transfer;
import dev.berth.TransferLimits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A sandbox with a guest in it: every ability, over whatever way a provider has to it. Made by
 * providers with {@link #create} or {@link #connect}.
 */
public final class GuestSandbox implements Sandbox, Endpoints, Terminals, Reconnect {
  private static final Duration STATUS_WITHIN = Duration.ofSeconds(2);
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);

  private final GuestHost host;
  private final SandboxSpec spec;
  private final Defaults defaults;
  private final GuestClient client;
  private final Faults faults;
  private final Processes processes;
  private final Transfers transfers;
  private final Forwards forwards;
  private final ReentrantLock ending = new ReentrantLock();
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile boolean owned;

  GuestSandbox(
      GuestHost host,
      SandboxSpec spec,
      Defaults defaults,
      GuestClient client,
      Forwards forwards,
      boolean owned) {
    this.host = host;
    this.spec = spec;
    this.defaults = defaults;
    this.client = client;
    this.faults = client.faults();
    this.forwards = forwards;
    this.owned = owned;
    this.processes = new Processes(client, defaults);
    this.transfers = new Transfers(client, defaults);
  }

  /**
   * Waits for a guest that is coming up, and makes a sandbox of it: outside endpoints, files,
   * entrypoint, probe. Whatever goes wrong, {@code host} is destroyed.
   *
   * @throws CreateException if it did not come up, or, as {@link dev.berth.UnusableException}, did
   *     not pass its probe
   */
  public static GuestSandbox create(
      GuestHost host, SandboxSpec spec, Defaults defaults, Probe probe, Duration readyWithin)
      throws InterruptedException {
    return new Creation(host, spec, defaults, readyWithin).create(probe);
  }

  /**
   * Takes hold of a running sandbox. The handle does not own it: closing it leaves the sandbox
   * running, only {@link #stop()} ends it.
   *
   * @throws SandboxLostException if its guest does not answer
   */
  public static GuestSandbox connect(GuestHost host, SandboxSpec spec, Defaults defaults)
      throws InterruptedException {
    return new Creation(host, spec, defaults, ANSWER_WITHIN).connect();
  }

  @Override
  public String id() {
    return host.id();
  }

  @Override
  public String provider() {
    return host.provider();
  }

  @Override
  public SandboxSpec spec() {
    return spec;
  }

  @Override
  public List<String> notices() {
    return host.notices();
  }

  @Override
  public SandboxStatus status() {
    if (ended.get()) {
      return SandboxStatus.STOPPED;
    }
    SandboxStatus outside = host.status();
    if (outside != SandboxStatus.RUNNING) {
      return outside;
    }
    if (client.lost() != null) {
      return SandboxStatus.ERROR;
    }
    boolean interrupted = Thread.interrupted();
    try {
      return client.ping(STATUS_WITHIN) ? SandboxStatus.RUNNING : SandboxStatus.UNKNOWN;
    } catch (InterruptedException e) {
      interrupted = true;
      return SandboxStatus.UNKNOWN;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public ExecResult exec(Command command, OutputSink sink) throws InterruptedException {
    return new Exec(client, command, defaults, sink).run();
  }

  @Override
  public SandboxProcess start(Command command) throws InterruptedException {
    return processes.start(command);
  }

  @Override
  public SandboxProcess startBackground(Command command) throws InterruptedException {
    return processes.startBackground(command, true);
  }

  @Override
  public SandboxProcess open(Command command, TerminalSize size) throws InterruptedException {
    return processes.open(command, size);
  }

  @Override
  public SandboxProcess start(Command command, TerminalSize size) throws InterruptedException {
    return processes.start(command, size);
  }

  @Override
  public SandboxProcess attach(String processId, long stdoutOffset, long stderrOffset)
      throws InterruptedException {
    return processes.attach(processId, stdoutOffset, stderrOffset);
  }

  @Override
  public byte[] keptOutput(String processId, OutputSink.Channel channel)
      throws InterruptedException {
    return processes.keptOutput(processId, channel);
  }

  @Override
  public List<ProcessSummary> processes() throws InterruptedException {
    return processes.list();
  }

  /**
   * {@inheritDoc}
   *
   * <p>If {@code local} itself is a symlink, what it points to is copied; symlinks below it stay
   * symlinks.
   */
  @Override
  public Transfer upload(Path local, String remote, TransferLimits limits)
      throws InterruptedException {
    return transfers.upload(local, remote, limits);
  }

  /**
   * {@inheritDoc}
   *
   * <p>If {@code remote} itself is a symlink, what it points to is copied; symlinks below it stay
   * symlinks.
   */
  @Override
  public Transfer download(String remote, Path local, TransferLimits limits)
      throws InterruptedException {
    return transfers.download(remote, local, limits);
  }

  @Override
  public SandboxEndpoint endpoint(int port) {
    return forwards.endpoint(port);
  }

  @Override
  public String resolveOutsideEndpoint(String url) throws InterruptedException {
    return forwards.resolve(url);
  }

  @Override
  public Optional<String> resolvedEndpointUrl(String envVar) {
    return forwards.resolved(envVar);
  }

  @Override
  public String serialize() {
    return host.descriptor();
  }

  @Override
  public void detach() throws InterruptedException {
    client.send(to -> to.begin(Wire.LIMITS).u64(0).u64(-1).u64(-1).end());
    if (!client.ping(ANSWER_WITHIN)) {
      throw faults.lost("detach from it", "its guest does not answer");
    }
    host.detach();
    owned = false;
  }

  @Override
  public <A> Optional<A> ability(Class<A> type) {
    boolean has = type == Endpoints.class || type == Terminals.class || type == Reconnect.class;
    return has ? Optional.of(type.cast(this)) : host.ability(type);
  }

  Processes commands() {
    return processes;
  }

  Transfers transfers() {
    return transfers;
  }

  @Override
  public void stop() {
    end(() -> {
      client.shutdown();
      close(client);
      host.destroy();
    });
  }

  @Override
  public void close() {
    if (owned) {
      stop();
    } else {
      end(() -> {
        close(client);
        host.release();
      });
    }
  }

  private void close(GuestClient last) {
    forwards.close();
    last.close();
  }

  /**
   * Runs the end, once; others wait until it is over. An interrupt is kept until then: an end is
   * not left half done.
   */
  private void end(Runnable how) {
    boolean interrupted = Thread.interrupted();
    ending.lock();
    try {
      if (ended.compareAndSet(false, true)) {
        how.run();
      }
    } finally {
      ending.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** The sandbox's provider and id, and no more. */
  @Override
  public String toString() {
    return "Sandbox[" + provider() + " " + id() + "]";
  }
}
