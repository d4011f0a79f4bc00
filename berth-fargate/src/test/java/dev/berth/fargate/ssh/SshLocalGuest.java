package dev.berth.fargate.ssh;

import dev.berth.Command;
import dev.berth.SandboxLostException;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.core.guest.GuestHost;
import dev.berth.core.guest.Link;
import dev.berth.core.process.GuestBinary;
import dev.berth.core.process.HostProcess;
import dev.berth.core.state.Descriptor;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.SandboxFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One guest of {@link SshLocalProvider}: a tunnel of its own, as a task has. */
final class SshLocalGuest implements GuestHost {
  private final SandboxFolder folder;
  private final FolderRemoval removal;
  private final SshTunnel tunnel;
  private final Link link;
  private volatile boolean destroyed;

  private SshLocalGuest(
      SandboxFolder folder, FolderRemoval removal, SshTunnel tunnel, byte[] token, int port) {
    this.folder = folder;
    this.removal = removal;
    this.tunnel = tunnel;
    this.link = tunnel.link(port, token);
  }

  static SshLocalGuest start(
      SandboxFolder folder, FolderRemoval removal, Sshd sshd, SandboxSpec spec)
      throws InterruptedException {
    return start(folder, removal, sshd, spec, UnaryOperator.identity());
  }

  static SshLocalGuest start(
      SandboxFolder folder,
      FolderRemoval removal,
      Sshd sshd,
      SandboxSpec spec,
      UnaryOperator<SshTunnel.Builder> change)
      throws InterruptedException {
    boolean done = false;
    SshTunnel tunnel = null;
    try {
      tunnel = change.apply(tunnel(folder, sshd)).build();
      tunnel.open();
      Path volume = folder.folder("volume");
      byte[] token =
          Sidecar.prepare(
              tunnel,
              folder.path().resolve("own").toString(),
              volume.toString(),
              GuestBinary.program(GuestBinary.architecture()),
              Sidecar.newToken());
      int port = launch(folder, volume, spec);
      SshLocalGuest guest = new SshLocalGuest(folder, removal, tunnel, token, port);
      done = true;
      return guest;
    } catch (IOException e) {
      throw SshLocalProvider.failed(folder.id(), e);
    } finally {
      if (!done) {
        if (tunnel != null) {
          tunnel.close();
        }
        folder.delete(removal);
      }
    }
  }

  private static SshTunnel.Builder tunnel(SandboxFolder folder, Sshd sshd) throws IOException {
    return sshd.tunnel()
        .ended(() -> process(folder).map(HostProcess::alive).orElse(true) ? null : "it has ended");
  }

  /**
   * What the main container's entry point and command would be, below a keeper: as with a container
   * nothing outlives the first process, even if guest and guardian are killed together.
   */
  private static int launch(SandboxFolder folder, Path volume, SandboxSpec spec)
      throws IOException, InterruptedException {
    Path work = folder.folder("work");
    Path said = folder.path().resolve("said");
    String program = volume.resolve("guest").toString();
    List<String> command =
        new ArrayList<>(
            List.of(
                program,
                "launch",
                folder.path().resolve("unused.sock").toString(),
                said.toString(),
                "--",
                program,
                "serve",
                "--tcp",
                "127.0.0.1:0",
                "--token-file",
                volume.resolve("token").toString(),
                "--guardian",
                "--cwd",
                work.toString(),
                "--tag",
                folder.id()));
    limit(command, "--lease", spec.lease());
    limit(command, "--ttl", spec.ttl());
    limit(command, "--idle", spec.idleLimit());
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder
        .environment()
        .putAll(
            Map.of(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME",
                work.toString(),
                "LANG",
                "C.UTF-8",
                "TMPDIR",
                folder.folder("tmp").toString()));
    Process process =
        builder
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.appendTo(said.toFile()))
            .start();
    Files.writeString(folder.path().resolve("pid"), "" + process.pid());
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (true) {
      String text = Files.exists(said) ? Files.readString(said) : "";
      if (text.startsWith("port ") && text.endsWith("\n")) {
        Files.writeString(folder.path().resolve("port"), text.substring(5).strip());
        return Integer.parseInt(text.substring(5).strip());
      }
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new IOException("the guest did not start: " + text);
      }
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }

  private static void limit(List<String> command, String flag, @Nullable Duration duration) {
    if (duration != null && !duration.equals(Command.FOREVER)) {
      command.addAll(List.of(flag, Long.toString(duration.toMillis())));
    }
  }

  static SshLocalGuest find(SandboxFolder folder, FolderRemoval removal, Sshd sshd)
      throws InterruptedException {
    try {
      SshTunnel tunnel = tunnel(folder, sshd).build();
      tunnel.open();
      int port = Integer.parseInt(Files.readString(folder.path().resolve("port")));
      byte[] token = Files.readAllBytes(folder.path().resolve("own").resolve("token"));
      return new SshLocalGuest(folder, removal, tunnel, token, port);
    } catch (IOException | dev.berth.CreateException e) {
      throw new SandboxLostException(SshLocalProvider.NAME, folder.id(), "It is gone: " + e, e);
    }
  }

  static Optional<HostProcess> process(SandboxFolder folder) {
    try {
      return HostProcess.of(Long.parseLong(Files.readString(folder.path().resolve("pid"))))
          .or(() -> Optional.of(new HostProcess(-1, 0)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private boolean alive() {
    return !destroyed && process(folder).filter(HostProcess::alive).isPresent();
  }

  @Override
  public String id() {
    return folder.id();
  }

  @Override
  public String provider() {
    return SshLocalProvider.NAME;
  }

  @Override
  public Link link() {
    return link;
  }

  @Override
  public List<String> notices() {
    return List.of("It isolates nothing: commands run on this host as this user.");
  }

  @Override
  public SandboxStatus status() {
    return alive() ? SandboxStatus.RUNNING : SandboxStatus.STOPPED;
  }

  @Override
  public String descriptor() {
    return Descriptor.of(folder).json();
  }

  @Override
  public void detach() {
    folder.record().ifPresent(record -> folder.write(record.asDetached()));
    folder.release();
  }

  @Override
  public void release() {
    tunnel.close();
    folder.release();
  }

  /** Ends it at once. */
  void destroyNow() {
    process(folder)
        .flatMap(each -> ProcessHandle.of(each.pid()))
        .ifPresent(handle -> {
          List<ProcessHandle> all = handle.descendants().toList();
          handle.destroyForcibly();
          all.forEach(ProcessHandle::destroyForcibly);
        });
    destroy();
  }

  /** As a task's stop does: first it may end by itself, then all is killed. */
  @Override
  public void destroy() {
    boolean interrupted = Thread.interrupted();
    Optional<HostProcess> guardian = process(folder);
    for (int i = 0; i < 400 && guardian.filter(HostProcess::alive).isPresent(); i++) {
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    List<HostProcess> left =
        guardian.filter(HostProcess::alive).flatMap(each -> ProcessHandle.of(each.pid())).stream()
            .flatMap(first -> Stream.concat(Stream.of(first), first.descendants()))
            .flatMap(each -> HostProcess.of(each.pid()).stream())
            .toList();
    left.forEach(HostProcess::kill);
    for (int i = 0; i < 2000 && left.stream().anyMatch(HostProcess::alive); i++) {
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    destroyed = true;
    tunnel.close();
    folder.delete(removal);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
