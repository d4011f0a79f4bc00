package dev.berth.bench;

import dev.berth.RequestException;
import dev.berth.core.process.HostCommand;
import dev.berth.core.process.HostResult;
import dev.berth.core.state.CacheHome;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What must be there before anything can be measured: Apptainer, and one image in both forms. */
final class Prerequisites {
  private static final long SYS_RESOURCE = 1L << 24;
  private static final Path SHARED = Path.of("/opt/berth");

  private Prerequisites() {}

  /** The program. */
  static Path apptainer(@Nullable Path binPath) {
    List<Path> folders = new ArrayList<>();
    if (binPath != null) {
      folders.add(binPath);
    } else {
      for (String folder :
          Optional.ofNullable(System.getenv("PATH")).orElse("").split(File.pathSeparator, -1)) {
        if (folder.startsWith("/")) {
          folders.add(Path.of(folder));
        }
      }
      folders.add(dataHome().resolve("apptainer/bin"));
      folders.add(SHARED.resolve("apptainer/bin"));
    }
    return folders.stream()
        .map(folder -> folder.resolve("apptainer"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() ->
            new RequestException(
                "Tried to find apptainer in "
                    + folders
                    + ", but it is not there; ./berth setup installs it."));
  }

  /** The unpacked image. */
  static Path image(@Nullable Path given) {
    if (given != null) {
      if (Files.isExecutable(given.resolve("bin/sh"))) {
        return given.toAbsolutePath();
      }
      throw new RequestException(
          "Tried to measure with the image folder "
              + given
              + ", but it holds no bin/sh; name an unpacked image, as setup/image.sh DIR builds one.");
    }
    List<Path> places = new ArrayList<>();
    Optional.ofNullable(System.getenv("BERTH_IMAGE")).map(Path::of).ifPresent(places::add);
    places.add(dataHome().resolve("image"));
    places.add(SHARED.resolve("image"));
    return places.stream()
        .filter(place -> Files.isExecutable(place.resolve("bin/sh")))
        .findFirst()
        .orElseThrow(() ->
            new RequestException(
                "Tried to find an image to measure with in "
                    + places
                    + ", but there is none; ./berth demo builds one, or name one with --image FOLDER."));
  }

  /** The same image as a SIF, built if it is not there or older. */
  static Path sif(@Nullable Path given, Path image, Path apptainer, PrintStream progress)
      throws InterruptedException {
    if (given != null) {
      if (Files.isReadable(given)) {
        return given.toAbsolutePath();
      }
      throw new RequestException(
          "Tried to measure with the SIF "
              + given
              + ", but it cannot be read; name a SIF of the same image as the folder, or leave --sif out.");
    }
    try {
      Path folder = Files.createDirectories(CacheHome.ofEnvironment().root().resolve("bench"));
      Path sif = folder.resolve(Integer.toHexString(image.toString().hashCode()) + ".sif");
      if (Files.exists(sif)
          && Files.getLastModifiedTime(sif).compareTo(Files.getLastModifiedTime(image)) > 0) {
        return sif;
      }
      progress.println("berth: building a SIF from " + image + ", once");
      Path unfinished = Files.createTempFile(folder, "", ".tmp");
      try {
        HostResult built =
            HostCommand.of(
                    apptainer.toString(),
                    "build",
                    "--force",
                    unfinished.toString(),
                    image.toString())
                .withTimeout(Duration.ofMinutes(10))
                .run();
        if (!built.ok()) {
          throw new RequestException(
              "Tried to build a SIF from " + image + ": " + built.description());
        }
        return Files.move(unfinished, sif, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(unfinished);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Flags without which Apptainer runs nothing here: as root it asks for every capability, also for
   * one that the host withholds.
   */
  static List<String> flags(boolean root) {
    boolean lacksOne = root && (Machine.capabilities() & SYS_RESOURCE) == 0;
    return lacksOne ? List.of("--drop-caps", "CAP_SYS_RESOURCE") : List.of();
  }

  static String version(Path apptainer) throws InterruptedException {
    return HostCommand.of(apptainer.toString(), "version").run().stdout().strip();
  }

  static Path parent(Path file) {
    Path parent = file.getParent();
    return parent == null ? Path.of("/") : parent;
  }

  private static Path dataHome() {
    String data = System.getenv("XDG_DATA_HOME");
    Path home =
        data != null && data.startsWith("/")
            ? Path.of(data)
            : Path.of(System.getProperty("user.home"), ".local", "share");
    return home.resolve("berth");
  }
}
