package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.apptainer.ApptainerConfig.Format;
import dev.berth.core.image.PullPolicy;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.testkit.HostProcesses;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/**
 * A real registry for the tests of a class, and for each test an image store of its own in which
 * nothing may be left half done.
 */
abstract class ImageRig {
  static final Duration LONG = Duration.ofSeconds(120);

  static Path shared;
  static RegistryRig registry;

  Path scratch;
  CacheHome cache;
  final List<String> progress = new CopyOnWriteArrayList<>();

  @BeforeAll
  static void startRegistry() throws Exception {
    shared = Files.createTempDirectory("berth-images");
    registry = RegistryRig.open(shared.resolve("registry"));
    registry.push("a/b_c:1", "of a/b_c");
    registry.push("a_b/c:1", "of a_b/c");
    registry.push("a/b_c:2", "two");
  }

  @AfterAll
  static void stopRegistry() throws Exception {
    registry.close();
    delete(shared);
  }

  @BeforeEach
  void prepare() throws Exception {
    scratch = Files.createTempDirectory("berth-image");
    cache = new CacheHome(scratch.resolve("cache"));
  }

  @AfterEach
  void nothingIsLeftHalfDone() throws Exception {
    try {
      assertThat(inStore("new-")).isEmpty();
      assertThat(HostProcesses.naming(scratch.resolve("cache/images").toString())).isEmpty();
    } finally {
      delete(scratch);
    }
  }

  static boolean pulling(String uri) {
    return HostProcesses.naming(" " + uri).stream()
        .anyMatch(line -> line.contains("apptainer build"));
  }

  static void run(String... command) throws Exception {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
        .as(String.join(" ", command))
        .isZero();
  }

  static ApptainerConfig.Images config(Format format, Map<String, String> rewrites, Path auth) {
    return new ApptainerConfig.Images(PullPolicy.MISSING, format, rewrites, auth, true);
  }

  ApptainerImages images() {
    return images(config(Format.FOLDER, Map.of(), null));
  }

  ApptainerImages images(ApptainerConfig.Images config) {
    return new ApptainerImages(config, ApptainerBinary.find(null), cache, new Semaphore(4));
  }

  ApptainerImages.Ready obtain(String image) throws InterruptedException {
    return images().obtain(image, progress::add);
  }

  RegistryRig closed() throws Exception {
    RegistryRig closed = RegistryRig.withPassword(scratch.resolve("registry"));
    closed.push("secret/image:1", "secret");
    return closed;
  }

  Path auth(RegistryRig rig, String password) throws IOException {
    String token =
        Base64.getEncoder()
            .encodeToString((RegistryRig.USER + ":" + password).getBytes(StandardCharsets.UTF_8));
    return Files.writeString(
        scratch.resolve("auth.json"),
        "{\"auths\":{\"" + rig.host() + "\":{\"auth\":\"" + token + "\"}}}");
  }

  /** A copy of an image of the registry as a file. */
  Path sif(String name) throws Exception {
    Path kept = shared.resolve(name.replaceAll("[/:]", "-") + ".sif");
    if (!Files.exists(kept)) {
      Path made =
          images(config(Format.SIF, Map.of(), null))
              .pull(registry.uri(name), PullPolicy.MISSING, progress::add);
      Files.copy(made, kept);
      images().remove(registry.uri(name), LONG);
    }
    progress.clear();
    Path copy = scratch.resolve(name.replaceAll("[/:]", "-") + ".sif");
    Files.copy(kept, copy, StandardCopyOption.REPLACE_EXISTING);
    Files.setLastModifiedTime(copy, FileTime.from(Instant.EPOCH.plusSeconds(1_000_000)));
    return copy;
  }

  static String version(Path image) throws IOException {
    return Files.readString(image.resolve("version"));
  }

  /** What is in the images' folders of the store and begins so. */
  List<Path> inStore(String prefix) {
    List<Path> found = new ArrayList<>();
    try (Stream<Path> images =
        Files.exists(cache.images()) ? Files.list(cache.images()) : Stream.empty()) {
      for (Path image :
          images.filter(path -> !path.getFileName().toString().startsWith(".")).toList()) {
        try (Stream<Path> parts = Files.list(image)) {
          parts
              .filter(path -> path.getFileName().toString().startsWith(prefix))
              .forEach(found::add);
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return found;
  }

  static void delete(Path folder) {
    assertThat(FolderRemoval.with(CacheHome.ofEnvironment()).remove(folder)).isEmpty();
  }

  record Stop(Process process) implements AutoCloseable {
    @Override
    public void close() {
      process.destroyForcibly();
    }
  }
}
