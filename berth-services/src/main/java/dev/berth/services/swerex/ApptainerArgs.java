package dev.berth.services.swerex;

import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.Bind;
import dev.berth.core.image.PullPolicy;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the flags of {@code apptainer_args} mean for a sandbox. Those that Berth does itself become
 * parts of the spec; those that only Apptainer can do are handed on; all others are refused.
 *
 * @param all every word but {@code --platform}'s
 * @param network the network that is to be made: {@code none}, another of Apptainer's, empty for
 *     any with a port mapping, or null for this host's
 * @param mappedPort the port of this host that a port mapping among the flags names
 * @param raw what goes to Apptainer as it is
 */
record ApptainerArgs(
    List<String> all,
    @Nullable String platform,
    List<String> binds,
    Map<String, String> env,
    @Nullable String directory,
    boolean fakeroot,
    @Nullable String network,
    @Nullable Integer mappedPort,
    @Nullable Double cpus,
    @Nullable Long memoryMib,
    List<String> raw) {
  /** What a sandbox does anyway. */
  private static final Set<String> ALREADY =
      Set.of(
          "--contain",
          "-c",
          "--containall",
          "-C",
          "--cleanenv",
          "-e",
          "--pid",
          "-p",
          "--no-home",
          "--compat");

  private static final Set<String> RAW =
      Set.of(
          "--writable-tmpfs",
          "--writable",
          "-w",
          "--nv",
          "--nvccli",
          "--rocm",
          "--no-init",
          "--no-umask",
          "--no-privs",
          "--keep-privs",
          "--allow-setuid",
          "--userns",
          "-u",
          "--ipc",
          "-i",
          "--uts",
          "--underlay",
          "--unsquash");

  private static final Set<String> RAW_WITH_VALUE =
      Set.of(
          "--overlay",
          "-o",
          "--mount",
          "--scratch",
          "-S",
          "--home",
          "-H",
          "--hostname",
          "--dns",
          "--security",
          "--add-caps",
          "--drop-caps",
          "--no-mount",
          "--fusemount",
          "--pids-limit",
          "--cpu-shares",
          "--cpuset-cpus",
          "--cpuset-mems",
          "--memory-reservation",
          "--memory-swap");

  private static final Set<String> MAPPED =
      Set.of(
          "--platform",
          "--bind",
          "-B",
          "--env",
          "--pwd",
          "--cwd",
          "--fakeroot",
          "-f",
          "--net",
          "-n",
          "--network",
          "--network-args",
          "--cpus",
          "--memory");

  /** Networks of Apptainer that a port of this host can lead into. */
  private static final List<String> NETWORKS = List.of("none", "bridge", "ptp");

  /** The one kind of mapping: to the port of the server, inside. */
  private static final Pattern PORTMAP =
      Pattern.compile("portmap=(\\d{1,5}):" + PortMapping.INNER_PORT + "(/tcp)?");

  /** Whether the sandbox has loopback alone. */
  boolean noNetwork() {
    return "none".equals(network);
  }

  static ApptainerArgs parse(List<String> args) {
    ApptainerArgs read = new Reading(args).read();
    read.binds.forEach(Bind::parse);
    // A spec refuses what no sandbox can be given.
    SandboxSpec.Builder spec = SandboxSpec.builder();
    read.applyTo(spec);
    spec.build();
    return read;
  }

  List<String> withoutPlatform() {
    return all;
  }

  /**
   * The provider's configuration with what only Apptainer can do. When an image is fetched is the
   * deployment's to say, which has done so before the sandbox is made.
   */
  ApptainerConfig applyTo(ApptainerConfig config) {
    ApptainerConfig.Create create = config.create();
    ApptainerConfig.Images images = config.images();
    List<String> start = new ArrayList<>(create.extraStartArgs());
    start.addAll(raw);
    return config
        .with(
            new ApptainerConfig.Create(
                create.mode(),
                create.mountPoint(),
                create.startTimeout(),
                start,
                create.applyResourceLimits(),
                create.fakeroot() || fakeroot,
                create.contain(),
                create.lease()))
        .with(
            new ApptainerConfig.Images(
                PullPolicy.MISSING,
                images.format(),
                images.rewrites(),
                images.authFile(),
                images.insecure()));
  }

  /** The spec with what Berth does. */
  void applyTo(SandboxSpec.Builder spec) {
    spec.env(env);
    if (!binds.isEmpty()) {
      spec.providerOption("binds", binds);
    }
    if (directory != null) {
      spec.workdir(directory);
    }
    if (noNetwork()) {
      spec.network(Network.NONE);
    }
    if (cpus != null || memoryMib != null) {
      spec.resources(new SandboxResources(cpus, memoryMib, null, null, null));
    }
  }

  /** Word by word. */
  private static final class Reading {
    private final List<String> words;
    private final List<String> all = new ArrayList<>();
    private final List<String> binds = new ArrayList<>();
    private final Map<String, String> env = new LinkedHashMap<>();
    private final List<String> raw = new ArrayList<>();
    private @Nullable String platform;
    private @Nullable String directory;
    private boolean fakeroot;
    private boolean net;
    private @Nullable String network;
    private @Nullable Integer mappedPort;
    private @Nullable Double cpus;
    private @Nullable Long memoryMib;
    private int next;

    Reading(List<String> words) {
      this.words = words;
    }

    ApptainerArgs read() {
      while (next < words.size()) {
        int from = next;
        String word = words.get(next++);
        int equals = word.indexOf('=');
        boolean joined = word.startsWith("--") && equals > 0;
        String flag = joined ? word.substring(0, equals) : word;
        one(flag, joined ? word.substring(equals + 1) : null);
        if (!flag.equals("--platform")) {
          all.addAll(words.subList(from, next));
        }
      }
      if (network != null && !NETWORKS.contains(network)) {
        throw new RequestException(
            "Tried to use --network "
                + network
                + " in apptainer_args; allowed are "
                + String.join(", ", NETWORKS)
                + ", and without it the sandbox is on this host's network.");
      }
      if (mappedPort != null && "none".equals(network)) {
        throw new RequestException(
            "Tried to map a port in apptainer_args into a sandbox without a network; leave out"
                + " --network-args, or --network none.");
      }
      return new ApptainerArgs(
          List.copyOf(all),
          platform,
          List.copyOf(binds),
          Map.copyOf(env),
          directory,
          fakeroot,
          network == null && (net || mappedPort != null) ? "" : network,
          mappedPort,
          cpus,
          memoryMib,
          List.copyOf(raw));
    }

    private void one(String flag, @Nullable String joined) {
      if (RAW.contains(flag) || ALREADY.contains(flag)) {
        none(flag, joined);
        if (RAW.contains(flag)) {
          raw.add(flag);
        }
        return;
      }
      if (RAW_WITH_VALUE.contains(flag)) {
        raw.add(flag);
        raw.add(value(flag, joined));
        return;
      }
      switch (flag) {
        case "--platform" -> {
          if (platform != null) {
            throw new RequestException(
                "Tried to use --platform twice in apptainer_args; once is enough.");
          }
          platform = value(flag, joined);
        }
        case "--bind", "-B" -> binds.addAll(List.of(value(flag, joined).split(",")));
        case "--env" -> variables(value(flag, joined));
        case "--pwd", "--cwd" -> directory = value(flag, joined);
        case "--fakeroot", "-f" -> {
          none(flag, joined);
          fakeroot = true;
        }
        case "--net", "-n" -> {
          none(flag, joined);
          net = true;
        }
        case "--network" -> network = value(flag, joined);
        case "--network-args" -> mappedPort = mapped(value(flag, joined));
        case "--cpus" -> cpus = cpus(value(flag, joined));
        case "--memory" -> memoryMib = mebibytes(value(flag, joined));
        default -> throw unknown(flag);
      }
    }

    private void variables(String text) {
      for (String pair : text.split(",")) {
        int equals = pair.indexOf('=');
        if (equals < 1) {
          throw new RequestException(
              "Tried to use --env in apptainer_args with what is no NAME=VALUE.");
        }
        env.put(pair.substring(0, equals), pair.substring(equals + 1));
      }
    }

    private static int mapped(String text) {
      Matcher mapping = PORTMAP.matcher(text);
      int port = mapping.matches() ? Integer.parseInt(mapping.group(1)) : 0;
      if (port < 1 || port > 65_535) {
        throw new RequestException(
            "Tried to use --network-args "
                + text
                + " in apptainer_args; it must be portmap=PORT:"
                + PortMapping.INNER_PORT
                + "/tcp, with a port of this host.");
      }
      return port;
    }

    private static double cpus(String text) {
      try {
        return Double.parseDouble(text);
      } catch (NumberFormatException e) {
        throw new RequestException(
            "Tried to use --cpus " + text + " in apptainer_args; it must be a number.");
      }
    }

    /** As Apptainer reads it: bytes, or with one of the letters k, m and g. */
    private static long mebibytes(String text) {
      if (!text.matches("(?i)\\d{1,15}[bkmg]?b?")) {
        throw new RequestException(
            "Tried to use --memory "
                + text
                + " in apptainer_args; it must be a number of bytes, or one with k, m or g.");
      }
      long number = Long.parseLong(text.replaceAll("\\D", ""));
      char unit = Character.toLowerCase(text.replaceAll("\\d", "").concat(" ").charAt(0));
      long bytes =
          switch (unit) {
            case 'k' -> number << 10;
            case 'm' -> number << 20;
            case 'g' -> number << 30;
            default -> number;
          };
      return Math.max(1, bytes >> 20);
    }

    private static void none(String flag, @Nullable String joined) {
      if (joined != null && !joined.equals("true")) {
        throw new RequestException(
            "Tried to use " + flag + "=" + joined + " in apptainer_args; it takes no value.");
      }
    }

    private String value(String flag, @Nullable String joined) {
      if (joined != null) {
        return joined;
      }
      if (next == words.size()) {
        throw new RequestException(
            "Tried to use " + flag + " in apptainer_args, but its value is missing.");
      }
      return words.get(next++);
    }

    private static RequestException unknown(String flag) {
      Set<String> known = new TreeSet<>(MAPPED);
      known.addAll(ALREADY);
      known.addAll(RAW);
      known.addAll(RAW_WITH_VALUE);
      return new RequestException(
          "Tried to use '"
              + flag
              + "' in apptainer_args, which Berth does not know; known are: "
              + String.join(" ", known)
              + ".");
    }
  }
}
