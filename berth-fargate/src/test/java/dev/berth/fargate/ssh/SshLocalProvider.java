package dev.berth.fargate.ssh;

import dev.berth.CreateException;
import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.GuestSandbox;
import dev.berth.core.guest.Probe;
import dev.berth.core.process.HostProcess;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.Descriptor;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.Reaper;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Sandboxes that are the guest as a plain process of this host, but reached as in a task: put in
 * place and spoken to through a real sshd alone, by TCP and with a token.
 */
final class SshLocalProvider implements SandboxProvider {
  static final String NAME = "ssh-local";

  private static final Duration READY_WITHIN = Duration.ofSeconds(30);

  private final StateHome state = StateHome.ofEnvironment();
  private final FolderRemoval removal = FolderRemoval.with(CacheHome.ofEnvironment());
  private final Sshd sshd;
  private final Path folder;
  private final Set<Sandbox> owned = ConcurrentHashMap.newKeySet();

  SshLocalProvider() {
    try {
      folder = Files.createTempDirectory("berth-sshd");
      sshd = Sshd.start(folder);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Sandbox create(SandboxSpec spec) throws InterruptedException {
    SandboxResources resources = spec.resources();
    refuse(spec.image() != null, "use the image " + spec.image());
    refuse(!spec.volumes().isEmpty(), "mount volumes");
    refuse(spec.network() != Network.HOST, "use another network");
    refuse(!spec.providerOptions().isEmpty(), "use the options " + spec.providerOptions().keySet());
    refuse(spec.environmentDir() != null, "build an image");
    refuse(!resources.equals(SandboxResources.NONE), "limit cpu, memory or disk");
    SandboxSpec leased =
        spec.lease() == null ? spec.toBuilder().lease(Duration.ofSeconds(30)).build() : spec;
    Duration ready = spec.readyTimeout() == null ? READY_WITHIN : spec.readyTimeout();
    SandboxFolder folder = state.create(NAME);
    folder.write(SandboxRecord.of(folder.id(), NAME, leased));
    SshLocalGuest guest = SshLocalGuest.start(folder, removal, sshd, leased);
    GuestSandbox sandbox = GuestSandbox.create(guest, leased, defaults(leased), Probe.NONE, ready);
    owned.add(sandbox);
    return sandbox;
  }

  private static Defaults defaults(SandboxSpec spec) {
    return new Defaults(Defaults.NONE.timeout(), spec.user(), spec.workdir(), spec.env());
  }

  private static void refuse(boolean asked, String tried) {
    if (asked) {
      throw new UnsupportedRequestException(
          NAME, null, "Tried to " + tried + ", but this provider cannot.", null);
    }
  }

  @Override
  public Sandbox connect(String descriptor) throws InterruptedException {
    Descriptor found = Descriptor.read(descriptor, state);
    if (!found.provider().equals(NAME)) {
      throw new RequestException("Tried to connect to a sandbox of another provider.");
    }
    SandboxSpec spec = found.folder().record().orElseThrow().spec();
    SshLocalGuest guest = SshLocalGuest.find(found.folder(), removal, sshd);
    return GuestSandbox.connect(guest, spec, defaults(spec));
  }

  @Override
  public List<SandboxSummary> list() {
    List<SandboxSummary> summaries = new ArrayList<>();
    for (SandboxFolder each : state.list()) {
      if (each.provider().equals(NAME)) {
        each.record()
            .ifPresent(record ->
                summaries.add(
                    new SandboxSummary(
                        each.id(),
                        NAME,
                        SshLocalGuest.process(each).filter(HostProcess::alive).isPresent()
                            ? SandboxStatus.RUNNING
                            : SandboxStatus.STOPPED,
                        null,
                        record.created(),
                        record.expires(),
                        each.owned(),
                        record.spec().metadata(),
                        each.id())));
      }
    }
    return summaries;
  }

  @Override
  public List<String> reap() throws InterruptedException {
    return new Reaper(state, removal)
        .reap(
            new Reaper.Carrier() {
              @Override
              public boolean mine(String provider) {
                return provider.equals(NAME);
              }

              @Override
              public boolean alive(SandboxFolder folder) {
                return SshLocalGuest.process(folder).filter(HostProcess::alive).isPresent();
              }

              @Override
              public void dispose(SandboxFolder folder) {}
            });
  }

  @Override
  public void close() {
    owned.forEach(Sandbox::close);
    try {
      sshd.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    removal.remove(folder);
  }

  static CreateException failed(String id, Exception e) {
    return new CreateException(NAME, id, "Tried to start a guest, but " + e + ".", e);
  }
}
