package dev.berth.apptainer;

import dev.berth.CreateException;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.process.HostCommand;
import dev.berth.core.process.HostResult;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The {@code apptainer} program of this host, and the environment it is run in. */
final class ApptainerBinary {
  /**
   * Variables of this process that a start gets; all others, above all {@code APPTAINERENV_*} and
   * {@code APPTAINER_BIND}, would reach into sandboxes unasked.
   */
  static final List<String> FOR_STARTS =
      List.of(
          "PATH",
          "HOME",
          "USER",
          "LOGNAME",
          "LANG",
          "TMPDIR",
          "XDG_RUNTIME_DIR",
          "DBUS_SESSION_BUS_ADDRESS",
          "APPTAINER_TMPDIR",
          "APPTAINER_CONFIG_FILE");

  /**
   * What fetching and building images gets besides: caches, registry credentials, proxies,
   * certificates.
   */
  private static final List<String> FOR_IMAGES =
      Stream.concat(
              FOR_STARTS.stream(),
              Stream.of(
                  "APPTAINER_CACHEDIR",
                  "APPTAINER_CONFIGDIR",
                  "APPTAINER_DOCKER_USERNAME",
                  "APPTAINER_DOCKER_PASSWORD",
                  "DOCKER_CONFIG",
                  "REGISTRY_AUTH_FILE",
                  "SSL_CERT_FILE",
                  "SSL_CERT_DIR",
                  "HTTP_PROXY",
                  "HTTPS_PROXY",
                  "NO_PROXY",
                  "http_proxy",
                  "https_proxy",
                  "no_proxy"))
          .toList();

  private static final String INSTALL =
      "Install it (./berth setup, or your distribution's package apptainer), put it on PATH, or set bin_path to the folder that holds it.";

  private final Path file;

  private ApptainerBinary(Path file) {
    this.file = file;
  }

  /**
   * Finds the program: in {@code binPath} if that is given; else on PATH, then where {@code berth
   * setup} installs it.
   *
   * @throws UnsupportedRequestException if it is not there
   */
  static ApptainerBinary find(@Nullable Path binPath) {
    if (binPath != null) {
      Path file = binPath.resolve("apptainer");
      if (Files.isExecutable(file)) {
        return new ApptainerBinary(file);
      }
      throw missing(
          "Tried to find apptainer in bin_path "
              + binPath
              + ", but there is no such program there. "
              + INSTALL);
    }
    return places().stream()
        .map(folder -> folder.resolve("apptainer"))
        .filter(Files::isExecutable)
        .findFirst()
        .map(ApptainerBinary::new)
        .orElseThrow(() ->
            missing(
                "Tried to find apptainer on PATH and where berth setup installs it, but it is not there. "
                    + INSTALL));
  }

  private static List<Path> places() {
    List<Path> places = new ArrayList<>();
    for (String folder :
        Optional.ofNullable(System.getenv("PATH")).orElse("").split(File.pathSeparator)) {
      if (!folder.isEmpty()) {
        places.add(Path.of(folder));
      }
    }
    String data = System.getenv("XDG_DATA_HOME");
    Path home =
        data != null && !data.isEmpty()
            ? Path.of(data)
            : Path.of(System.getProperty("user.home"), ".local", "share");
    places.add(home.resolve("berth/apptainer/bin"));
    places.add(Path.of("/opt/berth/apptainer/bin"));
    return places;
  }

  private static UnsupportedRequestException missing(String message) {
    return new UnsupportedRequestException(ApptainerProvider.NAME, null, message, null);
  }

  Path file() {
    return file;
  }

  /** Its arguments in front of which nothing but global flags may stand. */
  List<String> commandLine(List<String> arguments) {
    List<String> line = new ArrayList<>(arguments.size() + 1);
    line.add(file.toString());
    line.addAll(arguments);
    return line;
  }

  /** Those of the named variables that this process has. */
  static Map<String, String> environment(List<String> names) {
    Map<String, String> environment = new LinkedHashMap<>();
    for (String name : names) {
      String value = System.getenv(name);
      if (value != null) {
        environment.put(name, value);
      }
    }
    return environment;
  }

  /** A command of it for images and questions, with the user's own configuration. */
  HostCommand command(List<String> arguments) {
    return HostCommand.of(commandLine(arguments)).withCleanEnv().withEnv(environment(FOR_IMAGES));
  }

  /** The version it names, such as {@code 1.4.5}. */
  String version() throws InterruptedException {
    HostResult result = command(List.of("version")).withTimeout(Duration.ofSeconds(20)).run();
    if (!result.ok()) {
      throw new CreateException(
          ApptainerProvider.NAME,
          null,
          "Tried to ask " + file + " for its version: " + result.description(),
          null);
    }
    return result.stdout().strip();
  }

  /** Where it reads its configuration, as compiled in; empty if it does not say. */
  Optional<Path> configFile() throws InterruptedException {
    HostResult result =
        command(List.of("buildcfg", "APPTAINER_CONF_FILE"))
            .withTimeout(Duration.ofSeconds(20))
            .run();
    String path = result.stdout().strip();
    return result.ok() && path.startsWith("/") ? Optional.of(Path.of(path)) : Optional.empty();
  }
}
