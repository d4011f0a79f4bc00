package dev.berth.apptainer;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.core.guest.Probe;
import dev.berth.core.image.PullPolicy;
import dev.berth.spi.ConfigSection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the {@code apptainer} provider works. Immutable; made in code from {@link #defaults()}, or
 * from a configuration file, whose keys stand in {@code docs/apptainer.md}.
 *
 * @param binPath the folder that holds {@code apptainer}; null: looked up on PATH, then where
 *     {@code berth setup} puts it
 * @param create how sandboxes are made
 * @param exec how commands run in them
 * @param probe what a new sandbox must pass
 * @param images where images come from
 */
public record ApptainerConfig(
    @Nullable Path binPath, Create create, Exec exec, Probe probe, Images images) {

  private static final String DEFAULT_PROBE_COMMAND = "printf apptainer-sandbox-ready";
  private static final String DEFAULT_PROBE_OUTPUT = "apptainer-sandbox-ready";
  private static final Duration DEFAULT_PROBE_TIMEOUT = Duration.ofSeconds(30);
  private static final Probe DEFAULT_PROBE =
      new Probe(
          DEFAULT_PROBE_COMMAND,
          DEFAULT_PROBE_OUTPUT,
          DEFAULT_PROBE_TIMEOUT,
          null,
          1,
          Duration.ZERO,
          true);

  /**
   * How sandboxes are made.
   *
   * @param mode what carries the guest
   * @param mountPoint where the sandbox's staging folder is bound, absolute
   * @param startTimeout how long a start may take; {@link Command#FOREVER} for no limit
   * @param extraStartArgs raw flags for {@code apptainer instance start}
   * @param applyResourceLimits whether {@code cpu} and {@code memory_mib} are enforced
   * @param fakeroot whether the sandbox is started with {@code --fakeroot}: commands are root and
   *     can become any user, by subordinate ids
   * @param contain whether the host's home, {@code /tmp}, environment, IPC and processes are hidden
   * @param lease how long a sandbox outlives the process that owns it
   */
  public record Create(
      Mode mode,
      String mountPoint,
      Duration startTimeout,
      List<String> extraStartArgs,
      boolean applyResourceLimits,
      boolean fakeroot,
      boolean contain,
      Duration lease) {
    static final Create DEFAULT =
        new Create(
            Mode.INSTANCE,
            "/sandbox",
            Duration.ofSeconds(600),
            List.of(),
            true,
            false,
            true,
            Duration.ofSeconds(30));

    /** Checks and copies. */
    public Create {
      if (!mountPoint.startsWith("/") || mountPoint.equals("/") || mountPoint.contains("\0")) {
        throw new RequestException(
            "Tried to use '"
                + mountPoint
                + "' as create.mount_point; it must be an absolute path below /, such as /sandbox.");
      }
      extraStartArgs = List.copyOf(extraStartArgs);
    }

    /** The same in another mode. */
    public Create withMode(Mode other) {
      return new Create(
          other,
          mountPoint,
          startTimeout,
          extraStartArgs,
          applyResourceLimits,
          fakeroot,
          contain,
          lease);
    }

    /** The same with or without {@code --fakeroot}. */
    public Create withFakeroot(boolean other) {
      return new Create(
          mode,
          mountPoint,
          startTimeout,
          extraStartArgs,
          applyResourceLimits,
          other,
          contain,
          lease);
    }

    /** The same with another lease. */
    public Create withLease(Duration other) {
      return new Create(
          mode,
          mountPoint,
          startTimeout,
          extraStartArgs,
          applyResourceLimits,
          fakeroot,
          contain,
          other);
    }
  }

  /** What carries the guest. */
  public enum Mode {
    /** {@code apptainer instance start}. */
    INSTANCE,
    /**
     * One {@code apptainer exec} that is the sandbox, for places where instances cannot be joined
     * or started.
     */
    DIRECT
  }

  /**
   * How commands run.
   *
   * @param fakerootForRoot whether a command may be root, or another user, where the sandbox was
   *     started without {@code --fakeroot}: the guest then maps that id onto the user's own
   * @param defaultBinds mounted into every sandbox, {@code host:container[:opts]}
   * @param extraExecArgs raw container flags; the guest runs the commands, so they are given when
   *     the sandbox starts
   * @param defaultTimeout a command's time limit if it names none
   * @param concurrency how many {@code apptainer} processes may run at the same time
   */
  public record Exec(
      boolean fakerootForRoot,
      List<String> defaultBinds,
      List<String> extraExecArgs,
      Duration defaultTimeout,
      int concurrency) {
    static final Exec DEFAULT = new Exec(true, List.of(), List.of(), Duration.ofSeconds(180), 32);

    /** Checks and copies. */
    public Exec {
      if (concurrency < 1) {
        throw new RequestException(
            "Tried to set exec.concurrency to " + concurrency + "; it must be 1 or more.");
      }
      defaultBinds = List.copyOf(defaultBinds);
      extraExecArgs = List.copyOf(extraExecArgs);
    }
  }

  /**
   * Where images come from.
   *
   * @param pull when an image is fetched
   * @param format in which form fetched images are kept
   * @param rewrites prefix of an image reference → what stands instead, first match wins; for
   *     mirrors
   * @param authFile a file with registry credentials in Docker's format; null for Apptainer's own
   * @param insecure whether registries are spoken to without TLS
   */
  public record Images(
      PullPolicy pull,
      Format format,
      Map<String, String> rewrites,
      @Nullable Path authFile,
      boolean insecure) {
    static final Images DEFAULT =
        new Images(PullPolicy.MISSING, Format.FOLDER, Map.of(), null, false);

    /** Copies. */
    public Images {
      rewrites = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(rewrites));
    }
  }

  /** In which form fetched images are kept; docs/adr/0005 has the figures. */
  public enum Format {
    /** Unpacked: starts and runs fastest, needs no FUSE; many small files. */
    FOLDER,
    /** One compressed file, mounted by FUSE. */
    SIF
  }

  /**
   * What the user's own configuration file says of this provider, as {@link
   * dev.berth.core.Berth#open} reads it.
   *
   * @throws dev.berth.RequestException if that file is wrong, or has several blocks of the provider
   */
  public static ApptainerConfig ofUser() {
    return UsersConfig.read();
  }

  /** All defaults. */
  public static ApptainerConfig defaults() {
    return new ApptainerConfig(null, Create.DEFAULT, Exec.DEFAULT, DEFAULT_PROBE, Images.DEFAULT);
  }

  /** This configuration with another folder that holds {@code apptainer}. */
  public ApptainerConfig withBinPath(Path folder) {
    return new ApptainerConfig(folder, create, exec, probe, images);
  }

  /** This configuration with other ways of making sandboxes. */
  public ApptainerConfig with(Create other) {
    return new ApptainerConfig(binPath, other, exec, probe, images);
  }

  /** This configuration with other ways of running commands. */
  public ApptainerConfig with(Exec other) {
    return new ApptainerConfig(binPath, create, other, probe, images);
  }

  /** This configuration with another probe. */
  public ApptainerConfig with(Probe other) {
    return new ApptainerConfig(binPath, create, exec, other, images);
  }

  /** This configuration with other sources of images. */
  public ApptainerConfig with(Images other) {
    return new ApptainerConfig(binPath, create, exec, probe, other);
  }

  /** Reads the provider's block of a configuration file; unknown keys are refused. */
  public static ApptainerConfig read(ConfigSection section) {
    String binPath = section.text("bin_path");
    ConfigSection create = section.section("create");
    ConfigSection exec = section.section("exec");
    ConfigSection probe = section.section("probe");
    ConfigSection images = section.section("images");
    String authFile = images.text("auth_file");
    ApptainerConfig config =
        new ApptainerConfig(
            binPath == null ? null : Path.of(binPath),
            new Create(
                choice(create, "mode", Mode.INSTANCE),
                orDefault(create.text("mount_point"), Create.DEFAULT.mountPoint()),
                create.seconds("start_timeout_s", Create.DEFAULT.startTimeout()),
                create.texts("extra_start_args"),
                create.flag("apply_resource_limits", true),
                create.flag("fakeroot", false),
                create.flag("contain", true),
                create.seconds("lease_s", Create.DEFAULT.lease())),
            new Exec(
                exec.flag("fakeroot_for_root", true),
                exec.texts("default_binds"),
                exec.texts("extra_exec_args"),
                exec.seconds("default_timeout_s", Exec.DEFAULT.defaultTimeout()),
                exec.integer("concurrency", Exec.DEFAULT.concurrency(), 1, 4096)),
            probe(probe),
            new Images(
                choice(images, "pull", PullPolicy.MISSING),
                choice(images, "format", Images.DEFAULT.format()),
                images.pairs("rewrites"),
                authFile == null ? null : Path.of(authFile),
                images.flag("insecure", false)));
    section.finish();
    return config;
  }

  private static Probe probe(ConfigSection section) {
    return new Probe(
        section.text("command", DEFAULT_PROBE_COMMAND),
        section.text("expected_stdout", DEFAULT_PROBE_OUTPUT),
        section.seconds("timeout_s", DEFAULT_PROBE_TIMEOUT),
        noLimit(section.seconds("deadline_s", Command.FOREVER)),
        section.integer("stable_count", 1, 1, 1000),
        section.delay("stable_delay_s", Duration.ZERO),
        !section.keys().contains("command"));
  }

  private static @Nullable Duration noLimit(Duration duration) {
    return duration.equals(Command.FOREVER) ? null : duration;
  }

  private static String orDefault(@Nullable String value, String otherwise) {
    return value == null ? otherwise : value;
  }

  private static <E extends Enum<E>> E choice(ConfigSection section, String key, E otherwise) {
    String text = section.text(key);
    if (text == null) {
      return otherwise;
    }
    for (E constant : otherwise.getDeclaringClass().getEnumConstants()) {
      if (constant.name().toLowerCase(Locale.ROOT).equals(text)) {
        return constant;
      }
    }
    String allowed =
        String.join(
            ", ",
            java.util.Arrays.stream(otherwise.getDeclaringClass().getEnumConstants())
                .map(c -> c.name().toLowerCase(Locale.ROOT))
                .toList());
    throw section.wrong(key, text, "one of: " + allowed);
  }
}
