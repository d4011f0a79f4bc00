package dev.berth.services.openhands;

import dev.berth.OutputSink;
import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import dev.berth.apptainer.Bind;
import dev.berth.core.image.ImageReference;
import dev.berth.core.process.GuestBinary;
import dev.berth.services.ServiceSpec;
import dev.berth.spi.ConfigSection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How an {@link ApptainerWorkspace} is made. Immutable; made with {@link #builder()}, whose methods
 * say what each part is, or read from a configuration block with the same names in snake case.
 */
public final class WorkspaceSpec {
  static final String EXTRA_BINDS = "OPENHANDS_APPTAINER_EXTRA_BINDS";
  static final List<String> PLATFORMS = List.of("linux/amd64", "linux/arm64");

  /** Flags of {@code --no-mount}, all there are in Apptainer 1.4. */
  private static final List<String> LOCATIONS =
      List.of("proc", "sys", "dev", "devpts", "home", "tmp", "hostfs", "cwd", "bind-paths");

  final @Nullable String serverImage;
  final @Nullable Path sifFile;
  final @Nullable String baseImage;
  final String host;
  final @Nullable Integer hostPort;
  final @Nullable Path mountDir;
  final List<String> binds;
  final @Nullable Path cacheDir;
  final List<String> forwardEnv;
  final boolean detachLogs;
  final OutputSink logs;
  final boolean extraPorts;
  final boolean useFakeroot;
  final boolean enableDockerCompat;
  final boolean enableGpu;
  final List<String> disableMountLocations;
  final Duration healthCheckTimeout;
  final String workingDir;

  private WorkspaceSpec(Builder from, Map<String, String> env) {
    serverImage = from.serverImage;
    sifFile = from.sifFile;
    baseImage = from.baseImage;
    host = from.host;
    hostPort = from.hostPort;
    mountDir = from.mountDir;
    List<String> all = new ArrayList<>(from.extraBindMounts);
    Arrays.stream(env.getOrDefault(EXTRA_BINDS, "").split(","))
        .map(String::strip)
        .filter(bind -> !bind.isEmpty())
        .forEach(all::add);
    binds = List.copyOf(all);
    cacheDir = from.cacheDir;
    forwardEnv = List.copyOf(from.forwardEnv);
    detachLogs = from.detachLogs;
    logs = from.logs;
    extraPorts = from.extraPorts;
    useFakeroot = from.useFakeroot;
    enableDockerCompat = from.enableDockerCompat;
    enableGpu = from.enableGpu;
    disableMountLocations = List.copyOf(from.disableMountLocations);
    healthCheckTimeout = from.healthCheckTimeout;
    workingDir = from.workingDir;
    check(from.platform);
  }

  private void check(@Nullable String platform) {
    long sources =
        (serverImage == null ? 0 : 1) + (sifFile == null ? 0 : 1) + (baseImage == null ? 0 : 1);
    if (sources != 1) {
      throw new RequestException(
          "Tried to make a workspace of "
              + sources
              + " images; exactly one of server_image, sif_file and base_image must be set.");
    }
    if (sifFile != null && !Files.exists(sifFile)) {
      throw new RequestException(
          "Tried to make a workspace of the image " + sifFile + ", but there is no such file.");
    }
    requireLocal("server_image", serverImage);
    requireLocal("base_image", baseImage);
    if (mountDir != null && !Files.isDirectory(mountDir)) {
      throw new RequestException(
          "Tried to mount " + mountDir + " at /workspace, but there is no such folder here.");
    }
    if (hostPort != null && (hostPort < 1 || hostPort > (extraPorts ? 65_533 : 65_535))) {
      throw new RequestException(
          "Tried to serve on host_port "
              + hostPort
              + "; it must be 1 to 65535, with extra_ports at most 65533.");
    }
    for (String name : forwardEnv) {
      if (!name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
        throw new RequestException(
            "Tried to forward the variable '"
                + name
                + "'; forward_env takes names such as DEBUG, whose values are this process's own.");
      }
    }
    if (!workingDir.startsWith("/")) {
      throw new RequestException(
          "Tried to work in '" + workingDir + "'; working_dir must be absolute.");
    }
    if (healthCheckTimeout.isNegative() || healthCheckTimeout.isZero()) {
      throw new RequestException(
          "Tried to set health_check_timeout to "
              + healthCheckTimeout
              + "; it must be above zero.");
    }
    for (String location : disableMountLocations) {
      if (!LOCATIONS.contains(location)) {
        throw new RequestException(
            "Tried to disable the mount location '"
                + location
                + "'; allowed are: "
                + String.join(", ", LOCATIONS)
                + ".");
      }
    }
    binds.forEach(bind -> Bind.parse(bind).requireSource());
    // A service refuses an address that is none.
    ServiceSpec.command("server").host(host).build();
    checkPlatform(platform);
  }

  private static void requireLocal(String option, @Nullable String image) {
    if (image == null) {
      return;
    }
    if (image.isBlank()) {
      throw new RequestException(
          "Tried to use an empty text as " + option + "; name an image, a .sif file or a folder.");
    }
    ImageReference reference = ImageReference.parse(image);
    if (reference.local() && !Files.exists(reference.path())) {
      throw new RequestException(
          "Tried to use "
              + image
              + " as "
              + option
              + ", but there is no such file or folder; a registry's image needs no leading / or .");
    }
  }

  private static void checkPlatform(@Nullable String platform) {
    String own = GuestBinary.architecture().equals("aarch64") ? "linux/arm64" : "linux/amd64";
    if (platform == null || platform.equals(own)) {
      return;
    }
    if (!PLATFORMS.contains(platform)) {
      throw new RequestException(
          "Tried to use the platform '"
              + platform
              + "'; allowed are: "
              + String.join(", ", PLATFORMS)
              + ".");
    }
    throw new UnsupportedRequestException(
        "apptainer",
        null,
        "Tried to run a server for "
            + platform
            + ", but this host is "
            + own
            + ", and Apptainer runs programs of the host's own processor only.",
        null);
  }

  /** Starts with all defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Reads a block of a configuration file. Its keys are the builder's methods in snake case; {@code
   * health_check_timeout} is in seconds. Unknown keys are refused.
   */
  public static WorkspaceSpec read(ConfigSection section) {
    Builder made = builder();
    String server = section.text("server_image");
    made.serverImage = server;
    String sif = section.text("sif_file");
    made.sifFile = sif == null ? null : Path.of(sif);
    made.baseImage = section.text("base_image");
    made.host = orElse(section.text("host"), made.host);
    int port = section.integer("host_port", 0, 1, 65_535);
    made.hostPort = port == 0 ? null : Integer.valueOf(port);
    String mount = section.text("mount_dir");
    made.mountDir = mount == null ? null : Path.of(mount);
    made.extraBindMounts = section.texts("extra_bind_mounts");
    String cache = section.text("cache_dir");
    made.cacheDir = cache == null ? null : Path.of(cache);
    if (section.keys().contains("forward_env")) {
      made.forwardEnv = section.texts("forward_env");
    }
    made.detachLogs = section.flag("detach_logs", made.detachLogs);
    made.platform = section.text("platform");
    made.extraPorts = section.flag("extra_ports", made.extraPorts);
    made.useFakeroot = section.flag("use_fakeroot", made.useFakeroot);
    made.enableDockerCompat = section.flag("enable_docker_compat", made.enableDockerCompat);
    made.enableGpu = section.flag("enable_gpu", made.enableGpu);
    if (section.keys().contains("disable_mount_locations")) {
      made.disableMountLocations = section.texts("disable_mount_locations");
    }
    made.healthCheckTimeout = section.seconds("health_check_timeout", made.healthCheckTimeout);
    made.workingDir = orElse(section.text("working_dir"), made.workingDir);
    section.finish();
    return made.build();
  }

  private static String orElse(@Nullable String value, String otherwise) {
    return value == null ? otherwise : value;
  }

  /** Collects the parts of a spec. Not thread-safe. */
  public static final class Builder {
    private @Nullable String serverImage;
    private @Nullable Path sifFile;
    private @Nullable String baseImage;
    private String host = "127.0.0.1";
    private @Nullable Integer hostPort;
    private @Nullable Path mountDir;
    private List<String> extraBindMounts = List.of();
    private @Nullable Path cacheDir;
    private List<String> forwardEnv = List.of("DEBUG", "SESSION_API_KEY", "OH_SESSION_API_KEYS_0");
    private boolean detachLogs = true;
    private OutputSink logs = new ServerLog();
    private @Nullable String platform;
    private boolean extraPorts;
    private boolean useFakeroot = true;
    private boolean enableDockerCompat = true;
    private boolean enableGpu;
    private List<String> disableMountLocations = List.of("hostfs", "bind-paths");
    private Duration healthCheckTimeout = Duration.ofSeconds(120);
    private String workingDir = "/workspace";

    private Builder() {}

    /** An image with the agent server in it: whatever {@code docs/images.md} says names one. */
    public Builder serverImage(String image) {
      this.serverImage = image;
      return this;
    }

    /** A {@code .sif} file, or an unpacked image folder, with the agent server in it. */
    public Builder sifFile(Path file) {
      this.sifFile = file;
      return this;
    }

    /**
     * An image without the agent server, with Python 3.12 or newer: one with the server in it is
     * built from it, once.
     */
    public Builder baseImage(String image) {
      this.baseImage = image;
      return this;
    }

    /** The address the server listens on; loopback without this. */
    public Builder host(String address) {
      this.host = address;
      return this;
    }

    /** The port the server listens on; a free one without this. */
    public Builder hostPort(int port) {
      this.hostPort = port;
      return this;
    }

    /** A folder of the host that is the sandbox's {@code /workspace}. */
    public Builder mountDir(Path folder) {
      this.mountDir = folder;
      return this;
    }

    /**
     * More binds, {@code host[:container[:options]]}; those of the environment's {@code
     * OPENHANDS_APPTAINER_EXTRA_BINDS}, separated by commas, come besides.
     */
    public Builder extraBindMounts(List<String> binds) {
      this.extraBindMounts = binds;
      return this;
    }

    /** Where images are kept; the user's image store without this. */
    public Builder cacheDir(Path folder) {
      this.cacheDir = folder;
      return this;
    }

    /**
     * Variables of this process that the server gets, too. Its session keys are random and its own
     * all the same.
     */
    public Builder forwardEnv(List<String> names) {
      this.forwardEnv = names;
      return this;
    }

    /** Whether the server's log goes to {@link #logs} while it runs; true without this. */
    public Builder detachLogs(boolean detach) {
      this.detachLogs = detach;
      return this;
    }

    /** Where the log goes; to the logger {@code dev.berth.openhands} without this. */
    public Builder logs(OutputSink sink) {
      this.logs = sink;
      return this;
    }

    /** {@code linux/amd64} or {@code linux/arm64}: the host's own, or it is refused. */
    public Builder platform(String name) {
      this.platform = name;
      return this;
    }

    /** Whether the next port is for VSCode and the one after it for VNC; false without this. */
    public Builder extraPorts(boolean extra) {
      this.extraPorts = extra;
      return this;
    }

    /** Whether all is done as root by subordinate ids; true without this. */
    public Builder useFakeroot(boolean use) {
      this.useFakeroot = use;
      return this;
    }

    /** Whether the host's home, {@code /tmp} and processes are hidden; true without this. */
    public Builder enableDockerCompat(boolean enable) {
      this.enableDockerCompat = enable;
      return this;
    }

    /** Whether the host's NVIDIA GPUs are there, too; false without this. */
    public Builder enableGpu(boolean enable) {
      this.enableGpu = enable;
      return this;
    }

    /**
     * What Apptainer is not to mount by itself; {@code hostfs} and {@code bind-paths} without this.
     */
    public Builder disableMountLocations(List<String> locations) {
      this.disableMountLocations = locations;
      return this;
    }

    /** How long the server may take to get healthy and ready; 120 s without this. */
    public Builder healthCheckTimeout(Duration within) {
      this.healthCheckTimeout = within;
      return this;
    }

    /** Where commands run and agents work, absolute; {@code /workspace} without this. */
    public Builder workingDir(String folder) {
      this.workingDir = folder;
      return this;
    }

    /**
     * The spec.
     *
     * @throws RequestException if a part is out of its range, or parts exclude each other
     * @throws UnsupportedRequestException if the platform is not this host's
     */
    public WorkspaceSpec build() {
      return build(System.getenv());
    }

    WorkspaceSpec build(Map<String, String> env) {
      return new WorkspaceSpec(this, env);
    }
  }
}
