package dev.berth.apptainer;

import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.Volume;
import dev.berth.core.launch.Launch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The argument list that starts one sandbox, and what has to be said about it. The guest is bound
 * over {@code /.singularity.d/startscript}, which {@code instance start} runs by itself; in direct
 * mode it is the program that {@code exec} runs. No value of an environment variable is ever among
 * the arguments: those go to the guest through its socket.
 */
record StartArguments(List<String> arguments, List<String> notices) {
  static final String GUEST = "/.singularity.d/startscript";
  private static final Set<String> ROOT_FLAGS =
      Set.of("--writable-tmpfs", "--overlay", "-o", "--writable", "-w");
  private static final Set<String> PRIVILEGE_FLAGS =
      Set.of(
          "--userns",
          "-u",
          "--fakeroot",
          "-f",
          "--no-privs",
          "--keep-privs",
          "--drop-caps",
          "--add-caps",
          "--allow-setuid");
  private static final Set<String> PROVIDER_OPTIONS = Set.of("binds");

  /** Where the parts of one sandbox are on the host. */
  record Places(String name, Path guest, Path staging, Path overlay, Path scratch) {}

  static StartArguments of(
      ApptainerConfig config,
      SandboxSpec spec,
      String image,
      Places places,
      Limits limits,
      boolean root) {
    List<String> notices = new ArrayList<>(limits.notices());
    ApptainerConfig.Create create = config.create();
    List<String> raw = new ArrayList<>(create.extraStartArgs());
    raw.addAll(config.exec().extraExecArgs());
    boolean ownRoot = replaceSmallTmpfs(raw, notices);

    List<String> arguments = new ArrayList<>();
    boolean instance = create.mode() == ApptainerConfig.Mode.INSTANCE;
    arguments.addAll(instance ? List.of("instance", "start") : List.of("exec"));
    if (create.contain()) {
      arguments.add("--containall");
      arguments.addAll(List.of("--workdir", places.scratch().toString()));
    } else {
      // An instance has processes of its own anyway, and knows no flag for that.
      arguments.addAll(instance ? List.of("--cleanenv") : List.of("--pid", "--cleanenv"));
    }
    if (!ownRoot) {
      arguments.addAll(List.of("--overlay", places.overlay().toString()));
    }
    if (create.fakeroot() && !raw.contains("--fakeroot")) {
      arguments.add("--fakeroot");
    }
    if (root && !create.fakeroot() && raw.stream().noneMatch(PRIVILEGE_FLAGS::contains)) {
      // Without it, root in the sandbox is root of the host, with its capabilities.
      arguments.add("--userns");
    }
    if (spec.network() == Network.NONE) {
      if (raw.contains("--net")) {
        notices.add("The sandbox has the network that --network names, not none.");
      } else {
        arguments.addAll(List.of("--net", "--network", "none"));
      }
    }
    arguments.addAll(limits.apptainerFlags());
    mount(arguments, places.guest().toString(), GUEST, true);
    mount(arguments, places.staging().toString(), create.mountPoint(), false);
    for (Volume volume : spec.volumes()) {
      mount(arguments, source(volume), volume.containerPath(), volume.readonly());
    }
    for (String bind : binds(config, spec)) {
      arguments.addAll(List.of("--bind", bind));
    }
    arguments.addAll(raw);
    arguments.add(image);
    arguments.add(instance ? places.name() : GUEST);
    arguments.addAll(guestArguments(config, spec, places, limits, instance));
    return new StartArguments(List.copyOf(arguments), List.copyOf(notices));
  }

  private static List<String> guestArguments(
      ApptainerConfig config, SandboxSpec spec, Places places, Limits limits, boolean instance) {
    List<String> arguments = new ArrayList<>(List.of("serve", "--fd", "3", "--tag", places.name()));
    arguments.addAll(Launch.limits(spec));
    if (instance) {
      arguments.add("--end-init");
    }
    if (!config.exec().fakerootForRoot()) {
      arguments.add("--no-map");
    }
    arguments.addAll(limits.guestFlags());
    return arguments;
  }

  /**
   * Refuses what {@link #of} would refuse, before an image is fetched for it.
   *
   * @throws RequestException if it binds what cannot be bound, or has unknown options
   */
  static void check(ApptainerConfig config, SandboxSpec spec) {
    spec.volumes().forEach(StartArguments::source);
    binds(config, spec);
  }

  /** What of this host is mounted. */
  private static String source(Volume volume) {
    String source = volume.hostPath();
    if (source == null) {
      throw new UnsupportedRequestException(
          ApptainerProvider.NAME,
          null,
          "Tried to mount the EFS file system "
              + volume.efsFileSystemId()
              + ", but Apptainer mounts host paths only; name a host_path.",
          null);
    }
    if (!java.nio.file.Files.exists(Path.of(source))) {
      throw new RequestException(
          "Tried to mount "
              + source
              + " at "
              + volume.containerPath()
              + ", but there is no such file or folder on this host.");
    }
    return source;
  }

  /** The bind strings of the configuration and of the spec's {@code provider_options.binds}. */
  private static List<String> binds(ApptainerConfig config, SandboxSpec spec) {
    Set<String> unknown = new HashSet<>(spec.providerOptions().keySet());
    unknown.removeAll(PROVIDER_OPTIONS);
    if (!unknown.isEmpty()) {
      throw new RequestException(
          "Tried to use the provider options "
              + unknown
              + ", but apptainer knows only: "
              + PROVIDER_OPTIONS
              + ".");
    }
    List<String> binds = new ArrayList<>(config.exec().defaultBinds());
    binds.addAll(spec.providerOptions().getOrDefault("binds", List.of()));
    binds.forEach(bind -> Bind.parse(bind).requireSource());
    return binds;
  }

  /**
   * Whether the raw flags give the sandbox a root of their own. The 64 MiB of --writable-tmpfs are
   * replaced: what it is asked for is a writable root.
   */
  private static boolean replaceSmallTmpfs(List<String> raw, List<String> notices) {
    if (raw.removeIf("--writable-tmpfs"::equals)) {
      notices.add(
          "--writable-tmpfs is replaced by a folder overlay: as writable, and not limited to 64 MiB.");
    }
    return raw.stream()
        .anyMatch(flag -> ROOT_FLAGS.contains(flag) || flag.startsWith("--overlay="));
  }

  /** --mount takes a row of CSV, so that paths may hold colons, commas and quotes. */
  private static void mount(
      List<String> arguments, String source, String destination, boolean readonly) {
    arguments.addAll(
        List.of(
            "--mount",
            "type=bind,"
                + quoted("source=" + source)
                + ","
                + quoted("destination=" + destination)
                + (readonly ? ",ro" : "")));
  }

  private static String quoted(String field) {
    return "\"" + field.replace("\"", "\"\"") + "\"";
  }
}
