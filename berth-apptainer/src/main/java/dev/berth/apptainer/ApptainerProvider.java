package dev.berth.apptainer;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.guest.Defaults;
import dev.berth.core.launch.Launch;
import dev.berth.core.launch.LaunchedSandboxes;
import dev.berth.core.process.Reason;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sandboxes in Apptainer on this host: rootless, or in a user namespace of their own if this
 * process is root.
 */
public final class ApptainerProvider implements SandboxProvider {
  /** The provider's name. */
  public static final String NAME = "apptainer";

  private static final System.Logger LOG = System.getLogger(ApptainerProvider.class.getName());

  private final ApptainerConfig config;
  private final ApptainerBinary binary;
  private final StateHome state;
  private final CacheHome cache;
  private final boolean root;
  private final Limits.HostAbilities host;
  private final Semaphore processes;
  private final ApptainerImages images;
  private final LaunchedSandboxes sandboxes;
  private final Consumer<String> progress;

  /**
   * With this configuration, and the folders that the environment names.
   *
   * @throws UnsupportedRequestException if there is no {@code apptainer} here
   */
  public ApptainerProvider(ApptainerConfig config) {
    this(config, line -> LOG.log(System.Logger.Level.DEBUG, line));
  }

  /** The same; {@code progress} takes lines for people while images are fetched. */
  public ApptainerProvider(ApptainerConfig config, Consumer<String> progress) {
    this(config, CacheHome.ofEnvironment(), progress);
  }

  /** The same with its images, and all that can be made anew, in this folder. */
  public ApptainerProvider(ApptainerConfig config, CacheHome cache, Consumer<String> progress) {
    this.config = config;
    this.progress = progress;
    this.binary = ApptainerBinary.find(config.binPath());
    this.state = StateHome.ofEnvironment();
    this.cache = cache;
    this.root = Doctor.isRoot();
    this.host = Limits.HostAbilities.look(root);
    this.processes = new Semaphore(config.exec().concurrency());
    this.images = new ApptainerImages(config.images(), binary, cache, processes);
    this.sandboxes = new LaunchedSandboxes(NAME, state, cache, processes);
  }

  @Override
  public String name() {
    return NAME;
  }

  /** The images of this provider's sandboxes. */
  public ApptainerImages images() {
    return images;
  }

  @Override
  public Sandbox create(SandboxSpec asked) throws InterruptedException {
    SandboxSpec spec =
        asked.lease() == null ? asked.toBuilder().lease(config.create().lease()).build() : asked;
    Limits limits = check(spec);
    String image = spec.image();
    if (image == null) {
      throw new RequestException(
          "Tried to create an Apptainer sandbox without an image; name a .sif file, a folder, a URI or an image such as alpine:3.20.");
    }
    try (ApptainerImages.Ready ready = images.obtain(image, progress)) {
      return sandboxes.create(
          spec,
          defaults(spec),
          config.probe(),
          spec.readyTimeout() == null ? config.create().startTimeout() : spec.readyTimeout(),
          folder -> launch(folder, spec, ready, limits));
    }
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
    List<String> report = new ArrayList<>(sandboxes.reap());
    report.addAll(images.reap());
    return report;
  }

  @Override
  public void close() {
    sandboxes.close();
  }

  private Defaults defaults(SandboxSpec spec) {
    return new Defaults(config.exec().defaultTimeout(), spec.user(), spec.workdir(), spec.env());
  }

  /**
   * Does nothing if {@link #create} would take this spec, all but its image: for those who have
   * much to do before they create it.
   *
   * @throws RequestException if a part of it is wrong
   * @throws CreateException if there is no room for it
   */
  public void require(SandboxSpec spec) {
    check(spec);
  }

  private Limits check(SandboxSpec spec) {
    if (spec.environmentDir() != null) {
      throw unsupported(
          "Tried to build an image from the Dockerfile in "
              + spec.environmentDir()
              + ", but Apptainer builds definition files only; write one, and use berth image build.");
    }
    SandboxResources resources = spec.resources();
    if (resources.gpu() != null
        && resources.gpu() > 0
        && !Files.exists(Path.of("/dev/nvidiactl"))) {
      throw unsupported(
          "Tried to create a sandbox with "
              + resources.gpu()
              + " GPUs, but this host has no NVIDIA driver (no /dev/nvidiactl).");
    }
    if (resources.diskGib() != null) {
      long free = freeGib();
      if (free < resources.diskGib()) {
        throw new CreateException(
            NAME,
            null,
            "Tried to create a sandbox with disk_gib "
                + resources.diskGib()
                + ", but "
                + state.root()
                + " has only "
                + free
                + " GiB free; make room, or set BERTH_STATE_HOME to another disk.",
            null);
      }
    }
    StartArguments.check(config, spec);
    boolean fakeroot =
        config.create().fakeroot()
            || config.create().extraStartArgs().contains("--fakeroot")
            || config.exec().extraExecArgs().contains("--fakeroot");
    return Limits.of(resources, config.create().applyResourceLimits(), fakeroot, host);
  }

  private long freeGib() {
    Path there = state.root();
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    try {
      return Files.getFileStore(there).getUsableSpace() >> 30;
    } catch (IOException e) {
      throw new CreateException(
          NAME, null, "Tried to see how much room " + there + " has, but " + Reason.of(e) + ".", e);
    }
  }

  private Launch launch(
      SandboxFolder folder, SandboxSpec spec, ApptainerImages.Ready ready, Limits limits)
      throws InterruptedException {
    if (ready.use() != null) {
      ready.use().keepFor(folder);
    }
    StartArguments.Places places =
        new StartArguments.Places(
            "berth-" + folder.id(),
            cache.guest(),
            folder.folder("staging"),
            folder.folder("overlay"),
            folder.folder("scratch"));
    StartArguments start =
        StartArguments.of(config, spec, ready.path().toString(), places, limits, root);
    List<String> arguments = new ArrayList<>();
    Path ownConfig = limits.apptainerFlags().isEmpty() ? null : configForLimits();
    if (ownConfig != null) {
      arguments.addAll(List.of("--config", ownConfig.toString()));
    }
    arguments.addAll(start.arguments());
    Map<String, String> env =
        new LinkedHashMap<>(ApptainerBinary.environment(ApptainerBinary.FOR_STARTS));
    env.put("APPTAINER_CONFIGDIR", folder.folder("apptainer").toString());
    List<String> notices = new ArrayList<>(ready.notices());
    notices.addAll(start.notices());
    return new Launch(
        binary.commandLine(arguments),
        env,
        notices,
        config.create().mode() == ApptainerConfig.Mode.DIRECT);
  }

  /**
   * Apptainer puts limits through systemd unless told otherwise; where root has no systemd it gets
   * its own configuration with that one line changed.
   */
  private @Nullable Path configForLimits() throws InterruptedException {
    if (!root || Files.isDirectory(Path.of("/run/systemd/system"))) {
      return null;
    }
    Path changed = cache.root().resolve("apptainer").resolve("no-systemd.conf");
    try {
      Path original = binary.configFile().orElse(null);
      if (original == null || !Files.isReadable(original)) {
        return null;
      }
      String text =
          Files.readString(original)
              .replaceAll("(?m)^\\s*systemd cgroups\\s*=.*$", "systemd cgroups = no");
      if (!Files.exists(changed) || !Files.readString(changed).equals(text)) {
        Files.createDirectories(changed.getParent());
        Path next = Files.createTempFile(changed.getParent(), "conf", ".new");
        Files.writeString(next, text);
        Files.move(next, changed, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
      }
      return changed;
    } catch (IOException e) {
      throw new CreateException(
          NAME,
          null,
          "Tried to write a configuration for Apptainer that sets limits without systemd, but "
              + Reason.of(e)
              + ".",
          e);
    }
  }

  private static UnsupportedRequestException unsupported(String message) {
    return new UnsupportedRequestException(NAME, null, message, null);
  }
}
