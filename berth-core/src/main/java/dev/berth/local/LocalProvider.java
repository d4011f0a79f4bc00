package dev.berth.local;

import dev.berth.Network;
import dev.berth.Sandbox;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.Probe;
import dev.berth.core.launch.Launch;
import dev.berth.core.launch.LaunchedSandboxes;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Sandboxes that are none: commands run on this host, as this user, and see all that it sees but
 * its environment. Only process trees, deadlines, leases and the working folder are the sandbox's
 * own. Never chosen unless it is named.
 */
public final class LocalProvider implements SandboxProvider {
  /** The provider's name. */
  public static final String NAME = "local";

  private static final int STARTS = 32;
  private static final Duration READY_WITHIN = Duration.ofSeconds(30);
  private static final Duration LEASE = Duration.ofSeconds(30);

  private final CacheHome cache;
  private final LaunchedSandboxes sandboxes;
  private final Duration defaultTimeout;
  private final Duration lease;

  /**
   * With this time limit for commands that name none, and this lease for sandboxes that name none.
   */
  public LocalProvider(Duration defaultTimeout, Duration lease) {
    this.defaultTimeout = defaultTimeout;
    this.lease = lease;
    this.cache = CacheHome.ofEnvironment();
    this.sandboxes =
        new LaunchedSandboxes(NAME, StateHome.ofEnvironment(), cache, new Semaphore(STARTS));
  }

  /** With 180 s and 30 s. */
  public LocalProvider() {
    this(Defaults.NONE.timeout(), LEASE);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Sandbox create(SandboxSpec spec) throws InterruptedException {
    refuse(
        spec.image() != null,
        "use the image " + spec.image(),
        "it runs commands on this host itself");
    refuse(
        !spec.volumes().isEmpty(),
        "mount volumes",
        "it has no mounts of its own; use the host's paths");
    refuse(
        spec.network() != Network.HOST,
        "use network " + spec.network().name().toLowerCase(Locale.ROOT),
        "it has only the host's network");
    refuse(
        !spec.providerOptions().isEmpty(),
        "use the provider options " + spec.providerOptions().keySet(),
        "it knows none");
    refuse(spec.environmentDir() != null, "build an image", "it has none");
    SandboxResources resources = spec.resources();
    refuse(
        resources.gpu() != null || resources.gpuType() != null || resources.diskGib() != null,
        "limit gpu or disk",
        "it can limit only cpu and memory_mib");
    SandboxSpec leased = spec.lease() == null ? spec.toBuilder().lease(lease).build() : spec;
    return sandboxes.create(
        leased,
        defaults(leased),
        Probe.NONE,
        or(spec.readyTimeout(), READY_WITHIN),
        folder -> launch(folder, leased));
  }

  @Override
  public Sandbox connect(String descriptor) throws InterruptedException {
    return sandboxes.connect(descriptor, this::defaults);
  }

  @Override
  public List<SandboxSummary> list() {
    return sandboxes.list();
  }

  @Override
  public List<String> reap() throws InterruptedException {
    return sandboxes.reap();
  }

  @Override
  public void close() {
    sandboxes.close();
  }

  private Defaults defaults(SandboxSpec spec) {
    return new Defaults(defaultTimeout, spec.user(), spec.workdir(), spec.env());
  }

  private Launch launch(SandboxFolder folder, SandboxSpec spec) {
    Path work = folder.folder("work");
    List<String> command =
        new ArrayList<>(
            List.of(
                cache.guest().toString(),
                "serve",
                "--fd",
                "3",
                "--guardian",
                "--cwd",
                work.toString(),
                "--tag",
                folder.id()));
    command.addAll(Launch.limits(spec));
    List<String> notices =
        new ArrayList<>(
            List.of(
                "The local provider isolates nothing: commands run on this host as this user."));
    Double cpu = spec.resources().cpu();
    if (cpu != null) {
      command.addAll(List.of("--cpus", Long.toString((long) Math.ceil(cpu))));
      notices.add(
          "cpu "
              + cpu
              + " is held by binding commands to "
              + (long) Math.ceil(cpu)
              + " processors.");
    }
    Long memory = spec.resources().memoryMib();
    if (memory != null) {
      command.addAll(List.of("--memory", Long.toString(memory << 20)));
      notices.add(
          "memory_mib "
              + memory
              + " is held for each process (its address space), not for all together.");
    }
    Map<String, String> env =
        Map.of(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME",
            work.toString(),
            "LANG",
            "C.UTF-8",
            "TMPDIR",
            folder.folder("tmp").toString());
    return new Launch(command, env, notices, true);
  }

  private static Duration or(@Nullable Duration value, Duration otherwise) {
    return value == null ? otherwise : value;
  }

  private static void refuse(boolean asked, String tried, String why) {
    if (asked) {
      throw new UnsupportedRequestException(
          NAME, null, "Tried to " + tried + ", but the local provider cannot: " + why + ".", null);
    }
  }
}
