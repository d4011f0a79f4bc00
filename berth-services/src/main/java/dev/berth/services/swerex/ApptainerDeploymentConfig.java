package dev.berth.services.swerex;

import dev.berth.RequestException;
import dev.berth.core.config.YamlFile;
import dev.berth.core.image.PullPolicy;
import dev.berth.spi.ConfigSection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How an {@link ApptainerDeployment} is made: the fields of SWE-agent's Apptainer fork, with its
 * defaults. Immutable; made from {@link #defaults()}, or read from YAML or JSON. What the fields do
 * stands in {@code docs/swerex.md}.
 *
 * @param image an image of a registry, or a {@code .sif} file or folder of this host
 * @param port where the server listens on this host's loopback; null for a free one
 * @param apptainerArgs flags of {@code apptainer run} that Berth takes, without {@code --platform},
 *     which moves into {@code platform}
 * @param startupTimeout how long the sandbox and the server may take until they answer
 * @param pull when the image is fetched
 * @param removeImages whether the image is deleted after the stop, unless it is still used
 * @param pythonStandaloneDir a folder of the image with {@code python3.11/bin}, from which the
 *     server is run; null for the image's own Python
 * @param platform {@code linux/amd64} or {@code linux/arm64}; null for this host's
 */
public record ApptainerDeploymentConfig(
    String image,
    @Nullable Integer port,
    List<String> apptainerArgs,
    Duration startupTimeout,
    PullPolicy pull,
    boolean removeImages,
    @Nullable String pythonStandaloneDir,
    @Nullable String platform) {
  /** What the key {@code type} says of such a configuration. */
  public static final String TYPE = "apptainer";

  private static final ApptainerDeploymentConfig DEFAULTS =
      new ApptainerDeploymentConfig(
          "python:3.11",
          null,
          List.of(),
          Duration.ofSeconds(180),
          PullPolicy.MISSING,
          false,
          null,
          null);

  /** Checks and copies, and moves {@code --platform} to its place. */
  public ApptainerDeploymentConfig {
    if (image.isBlank()) {
      throw new RequestException(
          "Tried to deploy an empty image name; name one such as python:3.11.");
    }
    if (port != null && (port < 1 || port > 65_535)) {
      throw new RequestException(
          "Tried to deploy on port " + port + "; ports are 1 to 65535, or none for a free one.");
    }
    if (startupTimeout.isNegative() || startupTimeout.isZero()) {
      throw new RequestException(
          "Tried to set startup_timeout to " + startupTimeout + "; it must be above zero.");
    }
    if (pythonStandaloneDir != null && !pythonStandaloneDir.startsWith("/")) {
      throw new RequestException(
          "Tried to set python_standalone_dir to '"
              + pythonStandaloneDir
              + "'; it must be an absolute path in the image, such as /root.");
    }
    ApptainerArgs args = ApptainerArgs.parse(apptainerArgs);
    if (args.noNetwork() && port != null) {
      throw new RequestException(
          "Tried to deploy on port "
              + port
              + " of this host without a network; leave the port out, or --network none.");
    }
    if (args.platform() != null) {
      if (platform != null) {
        throw new RequestException(
            "Tried to set the platform to "
                + platform
                + " and, in apptainer_args, to "
                + args.platform()
                + "; say it in one place.");
      }
      platform = args.platform();
    }
    if (platform != null && !platform.equals("linux/amd64") && !platform.equals("linux/arm64")) {
      throw new RequestException(
          "Tried to set platform to '" + platform + "'; it must be linux/amd64 or linux/arm64.");
    }
    apptainerArgs = args.withoutPlatform();
  }

  /** All defaults. */
  public static ApptainerDeploymentConfig defaults() {
    return DEFAULTS;
  }

  /** All defaults with this image. */
  public static ApptainerDeploymentConfig of(String image) {
    return DEFAULTS.withImage(image);
  }

  /** Reads a file whose top level is the configuration; unknown keys are refused. */
  public static ApptainerDeploymentConfig read(Path file) {
    Object top = YamlFile.read(file);
    if (top != null && !(top instanceof Map<?, ?>)) {
      throw new RequestException(
          "Tried to read a deployment from " + file + ", but its top level is no block of keys.");
    }
    return read(
        ConfigSection.of(file + ": deployment", top instanceof Map<?, ?> map ? map : Map.of()));
  }

  /** Reads a block of a configuration file, which it finishes; unknown keys are refused. */
  public static ApptainerDeploymentConfig read(ConfigSection section) {
    String type = section.text("type", TYPE);
    if (!TYPE.equals(type)) {
      throw section.wrong("type", type, TYPE + ": this is a deployment with Apptainer");
    }
    String image = section.text("image", DEFAULTS.image());
    if (image == null) {
      throw section.wrong("image", null, "the name of an image, such as python:3.11");
    }
    int port = section.integer("port", 0, 1, 65_535);
    Duration startup = section.delay("startup_timeout", DEFAULTS.startupTimeout());
    String pull = section.text("pull", "missing");
    ApptainerDeploymentConfig config =
        new ApptainerDeploymentConfig(
            image,
            port == 0 ? null : port,
            section.texts("apptainer_args"),
            startup,
            switch (pull) {
              case "never" -> PullPolicy.NEVER;
              case "always" -> PullPolicy.ALWAYS;
              case "missing" -> PullPolicy.MISSING;
              case null, default -> throw section.wrong("pull", pull, "never, always or missing");
            },
            section.flag("remove_images", false),
            section.text("python_standalone_dir"),
            section.text("platform"));
    section.finish();
    return config;
  }

  /** The same with another image. */
  public ApptainerDeploymentConfig withImage(String other) {
    return new ApptainerDeploymentConfig(
        other,
        port,
        apptainerArgs,
        startupTimeout,
        pull,
        removeImages,
        pythonStandaloneDir,
        platform);
  }

  /** The same on this port. */
  public ApptainerDeploymentConfig withPort(int other) {
    return new ApptainerDeploymentConfig(
        image,
        other,
        apptainerArgs,
        startupTimeout,
        pull,
        removeImages,
        pythonStandaloneDir,
        platform);
  }

  /** The same with these flags instead. */
  public ApptainerDeploymentConfig withApptainerArgs(String... args) {
    return new ApptainerDeploymentConfig(
        image,
        port,
        List.of(args),
        startupTimeout,
        pull,
        removeImages,
        pythonStandaloneDir,
        platform);
  }

  /** The same with another time to come up. */
  public ApptainerDeploymentConfig withStartupTimeout(Duration other) {
    return new ApptainerDeploymentConfig(
        image, port, apptainerArgs, other, pull, removeImages, pythonStandaloneDir, platform);
  }

  /** The same with another policy, and images deleted after use or not. */
  public ApptainerDeploymentConfig withImages(PullPolicy policy, boolean remove) {
    return new ApptainerDeploymentConfig(
        image, port, apptainerArgs, startupTimeout, policy, remove, pythonStandaloneDir, platform);
  }

  /** The same with the server run from this folder of the image. */
  public ApptainerDeploymentConfig withPythonStandaloneDir(String folder) {
    return new ApptainerDeploymentConfig(
        image, port, apptainerArgs, startupTimeout, pull, removeImages, folder, platform);
  }

  /** The same for this platform. */
  public ApptainerDeploymentConfig withPlatform(String other) {
    return new ApptainerDeploymentConfig(
        image, port, apptainerArgs, startupTimeout, pull, removeImages, pythonStandaloneDir, other);
  }

  /**
   * This configuration as the template of an instance: its image, and its platform; {@code
   * linux/amd64} where neither names one.
   */
  public ApptainerDeploymentConfig forInstance(BatchInstance instance) {
    ApptainerDeploymentConfig config =
        instance.image() == null ? this : withImage(instance.image());
    if (instance.platform() != null) {
      return config.withPlatform(instance.platform());
    }
    return platform == null ? config.withPlatform(BatchInstance.SWE_BENCH_PLATFORM) : config;
  }

  /** Where SWE-agent's own Apptainer deployment keeps this image: below {@code home}. */
  Path sweAgentSif(Path home) {
    String name = image.startsWith("docker://") ? image.substring("docker://".length()) : image;
    return home.resolve(".apptainer")
        .resolve("cache")
        .resolve(name.replace('/', '_').replace(':', '_').concat(".sif"));
  }

  /** The processor that the platform names, as Linux calls it; null for any. */
  @Nullable String architecture() {
    return platform == null
        ? null
        : platform.toLowerCase(Locale.ROOT).endsWith("amd64") ? "x86_64" : "aarch64";
  }

  /** Without the arguments, in which variables may hold secrets. */
  @Override
  public String toString() {
    return "ApptainerDeploymentConfig[" + image + ", port " + port + ", " + pull + "]";
  }
}
