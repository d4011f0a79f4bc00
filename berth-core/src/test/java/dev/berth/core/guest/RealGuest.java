package dev.berth.core.guest;

import dev.berth.Network;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.core.process.GuestBinary;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/**
 * The real guest as a plain process of this host, behind a Unix socket. It ends with this test, by
 * its lease at the latest.
 */
final class RealGuest implements GuestHost {
  private final Process process;
  private final Path socket;
  private final UnaryOperator<ByteChannel> way;
  final AtomicInteger destroyed = new AtomicInteger();
  final AtomicInteger released = new AtomicInteger();
  final AtomicInteger detached = new AtomicInteger();

  /** A guest reached by channels that {@code way} may wrap. */
  RealGuest(Path folder, UnaryOperator<ByteChannel> way) throws IOException {
    this.socket = folder.resolve("guest.sock");
    this.way = way;
    List<String> command = new ArrayList<>();
    command.add(GuestBinary.in(folder.resolve("cache")).toString());
    command.addAll(List.of("serve", "--socket", socket.toString(), "--lease", "20000"));
    command.addAll(List.of("--guardian", "--cwd", folder.toString()));
    this.process = new ProcessBuilder(command).inheritIO().start();
  }

  static GuestSandbox sandbox(Path folder) throws IOException, InterruptedException {
    return sandbox(folder, UnaryOperator.identity());
  }

  static GuestSandbox sandbox(Path folder, UnaryOperator<ByteChannel> way)
      throws IOException, InterruptedException {
    return sandbox(new RealGuest(folder, way), SandboxSpec.builder().build());
  }

  static GuestSandbox sandbox(GuestHost host, SandboxSpec spec) throws InterruptedException {
    return GuestSandbox.create(host, spec, Defaults.NONE, Probe.NONE, Duration.ofSeconds(20));
  }

  static SandboxSpec.Builder isolated() {
    return SandboxSpec.builder().network(Network.NONE);
  }

  /** Kills it as an out-of-memory killer would. */
  void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  @Override
  public String id() {
    return "real";
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
        try {
          channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
          channel.close();
          throw e;
        }
        return way.apply(channel);
      }

      @Override
      public boolean gone() {
        return !process.isAlive();
      }
    };
  }

  @Override
  public List<String> notices() {
    return List.of();
  }

  @Override
  public SandboxStatus status() {
    return process.isAlive() ? SandboxStatus.RUNNING : SandboxStatus.STOPPED;
  }

  @Override
  public String descriptor() {
    return "{}";
  }

  @Override
  public void detach() {
    detached.incrementAndGet();
  }

  @Override
  public void destroy() {
    destroyed.incrementAndGet();
    kill();
  }

  @Override
  public void release() {
    released.incrementAndGet();
  }
}
