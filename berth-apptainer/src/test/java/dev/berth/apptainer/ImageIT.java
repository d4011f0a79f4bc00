package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import dev.berth.apptainer.ApptainerConfig.Format;
import dev.berth.core.image.PullPolicy;
import dev.berth.core.image.StoredImage;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.testkit.HostProcesses;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Images from a real registry, real files and real definition files, in a store of each test's own.
 */
class ImageIT {
  private static final Duration LONG = Duration.ofSeconds(120);

  private static Path shared;
  private static RegistryRig registry;

  private Path scratch;
  private CacheHome cache;
  private final List<String> progress = new CopyOnWriteArrayList<>();

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

  // What names an image.

  @Test
  void twoNamesThatLookAlikeAreTwoImages() throws Exception {
    Path one = images().pull(registry.uri("a/b_c:1"), PullPolicy.MISSING, progress::add);
    Path other = images().pull(registry.uri("a_b/c:1"), PullPolicy.MISSING, progress::add);

    assertThat(version(one)).isEqualTo("of a/b_c");
    assertThat(version(other)).isEqualTo("of a_b/c");
    assertThat(progress).isNotEmpty();
  }

  @Test
  void aBareNameIsRewrittenToAMirror() throws Exception {
    Map<String, String> rewrites = Map.of("docker://tools/", registry.uri("a/"));

    Path image =
        images(config(Format.FOLDER, rewrites, null))
            .pull("tools/b_c:2", PullPolicy.MISSING, progress::add);

    assertThat(version(image)).isEqualTo("two");
    // It keeps the name that it was asked for by.
    assertThat(images().list())
        .extracting(stored -> stored.key().reference())
        .containsExactly("docker://tools/b_c:2");
  }

  @Test
  void aFileThatIsNotThereIsSaid() {
    assertThatThrownBy(() -> obtain(scratch.resolve("none.sif").toString()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("no such file or folder");
  }

  @Test
  void anImageThatTheRegistryDoesNotHaveIsSaid() {
    assertThatThrownBy(
            () -> images().pull(registry.uri("a/none:1"), PullPolicy.MISSING, progress::add))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("Tried to fetch " + registry.uri("a/none:1"))
        .hasMessageContaining("manifest unknown");
    assertThat(inStore("")).isEmpty();
  }

  @Test
  void aNameWithOddCharactersIsOneArgument() {
    String odd = registry.uri("a/b c;$(touch " + scratch + "/run)`'\"\n--arch:1");

    assertThatThrownBy(() -> images().pull(odd, PullPolicy.MISSING, progress::add))
        .isInstanceOf(SandboxException.class);

    assertThat(scratch.resolve("run")).doesNotExist();
    assertThat(inStore("")).isEmpty();
  }

  @Test
  void aNameThatLooksLikeAFlagIsNone() {
    assertThatThrownBy(() -> images().pull("--help", PullPolicy.MISSING, progress::add))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("docker://--help");
  }

  @Test
  void aPasswordInAUriIsRefusedAndNotRepeated() {
    assertThatThrownBy(() -> obtain("docker://me:hunter2@127.0.0.1:1/a:1"))
        .isInstanceOf(RequestException.class)
        .hasMessageNotContaining("hunter2")
        .hasMessageContaining("APPTAINER_DOCKER_PASSWORD");
  }

  // When it is fetched.

  @Test
  void neverFetchesNothing() throws Exception {
    registry.hold();
    try {
      assertThatThrownBy(
              () -> images().pull(registry.uri("a/b_c:1"), PullPolicy.NEVER, progress::add))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("pull policy is never");
    } finally {
      registry.goOn();
    }
  }

  @Test
  void missingFetchesOnce() throws Exception {
    registry.push("once/missing:1", "first");
    Path first = images().pull(registry.uri("once/missing:1"), PullPolicy.MISSING, progress::add);
    registry.push("once/missing:1", "second");

    assertThat(images().pull(registry.uri("once/missing:1"), PullPolicy.MISSING, progress::add))
        .isEqualTo(first);
    assertThat(version(first)).isEqualTo("first");
    assertThat(
            version(images().pull(registry.uri("once/missing:1"), PullPolicy.NEVER, progress::add)))
        .isEqualTo("first");
  }

  @Test
  void alwaysGivesTheNewContentAndRunningSandboxesKeepTheOld() throws Exception {
    registry.push("moving/tag:1", "old");
    ApptainerConfig.Images always =
        new ApptainerConfig.Images(PullPolicy.ALWAYS, Format.FOLDER, Map.of(), null, true);
    try (ApptainerProvider provider =
        new ApptainerProvider(ApptainerConfig.defaults().with(always))) {
      try (Sandbox old = provider.create(SandboxSpec.of(registry.uri("moving/tag:1")))) {
        assertThat(old.exec("cat /version").stdout()).isEqualTo("old");
        assertThatThrownBy(
                () -> provider.images().remove(registry.uri("moving/tag:1"), Duration.ZERO))
            .isInstanceOf(RequestException.class)
            .hasMessageContaining("sandbox " + old.id());

        registry.push("moving/tag:1", "new");
        try (Sandbox fresh = provider.create(SandboxSpec.of(registry.uri("moving/tag:1")))) {
          assertThat(fresh.exec("cat /version").stdout()).isEqualTo("new");
          assertThat(old.exec("/usr/bin/cat /version").stdout()).isEqualTo("old");
        }
      } finally {
        provider.images().remove(registry.uri("moving/tag:1"), LONG);
      }
    }
  }

  @Test
  void threadsAndProcessesFetchItOnce() throws Exception {
    registry.push("crowd/image:1", "crowd");
    List<Process> children = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      children.add(ImageChild.start(cache.root(), registry.uri("crowd/image:1"), 8, Map.of()));
    }
    Set<String> results = new HashSet<>();
    ApptainerImages images = images();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Path>> pulls = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        pulls.add(
            threads.submit(() ->
                images.pull(registry.uri("crowd/image:1"), PullPolicy.MISSING, progress::add)));
      }
      for (Future<Path> pull : pulls) {
        results.add("made " + pull.get());
      }
    }
    for (Process child : children) {
      results.addAll(child.inputReader().lines().toList());
      assertThat(child.waitFor()).isZero();
    }

    assertThat(results).hasSize(1);
    assertThat(inStore("v-")).hasSize(1);
    // One run of apptainer asks for the manifest once or twice; 40 would show.
    assertThat(registry.pulls("crowd/image:1")).isBetween(1L, 3L);
  }

  @Test
  void manyImagesWithTheSameLayersAtOnce() throws Exception {
    List<String> names = List.of("many/one:1", "many/two:1", "many/three:1", "many/four:1");
    for (String name : names) {
      registry.push(name, name);
    }
    ApptainerImages images = images();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Path>> pulls = new ArrayList<>();
      for (String name : names) {
        pulls.add(
            threads.submit(
                () -> images.pull(registry.uri(name), PullPolicy.MISSING, progress::add)));
      }
      for (int i = 0; i < names.size(); i++) {
        assertThat(version(pulls.get(i).get())).isEqualTo(names.get(i));
      }
    }
  }

  @Test
  void aCommonLayerIsFetchedOnceAndPrunedWithTime() throws Exception {
    registry.pushWide("layers/one:1", "one");
    registry.pushWide("layers/two:1", "two");
    images().pull(registry.uri("layers/one:1"), PullPolicy.MISSING, progress::add);
    images().pull(registry.uri("layers/two:1"), PullPolicy.MISSING, progress::add);

    // Apptainer asks for a layer that it has, too, but hangs up before it comes.
    assertThat(registry.sent("layers/one")).isGreaterThan(RegistryRig.WIDE);
    assertThat(registry.sent("layers/two")).isLessThan(RegistryRig.WIDE / 2);
    Path pool = cache.images().resolve(".parts");
    assertThat(pool).isNotEmptyDirectory();
    images().prune(Duration.ofHours(1));
    assertThat(pool).isNotEmptyDirectory();
    images().prune(Duration.ZERO);
    assertThat(pool).isEmptyDirectory();
  }

  @Test
  void whatAKilledPullerLeftGoesWithTheNextPull() throws Exception {
    registry.push("killed/puller:1", "whole");
    registry.hold();
    try (Stop child =
        new Stop(ImageChild.start(cache.root(), registry.uri("killed/puller:1"), 1, Map.of()))) {
      await().atMost(LONG).until(() -> pulling(registry.uri("killed/puller:1")));
      child.process().destroyForcibly().waitFor();
      // What it had started does not know yet.
      assertThat(pulling(registry.uri("killed/puller:1"))).isTrue();
      assertThat(inStore("new-")).isNotEmpty();
    } finally {
      registry.goOn();
    }

    assertThat(
            version(
                images().pull(registry.uri("killed/puller:1"), PullPolicy.MISSING, progress::add)))
        .isEqualTo("whole");
    assertThat(inStore("v-")).hasSize(1);
  }

  @Test
  void anInterruptedPullLeavesNothing() throws Exception {
    registry.push("interrupted/puller:1", "whole");
    registry.hold();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Path> pull =
          threads.submit(() ->
              images()
                  .pull(registry.uri("interrupted/puller:1"), PullPolicy.MISSING, progress::add));
      await()
          .atMost(LONG)
          .until(() -> inStore("new-").stream().anyMatch(path -> path.toString().endsWith(".tmp")));
      threads.shutdownNow();
      assertThatThrownBy(pull::get)
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(InterruptedException.class);
    } finally {
      registry.goOn();
    }
  }

  // Passwords.

  @Test
  void aPasswordFromAFileOpensTheRegistry() throws Exception {
    try (RegistryRig closed = closed()) {
      Path image =
          images(config(Format.FOLDER, Map.of(), auth(closed, RegistryRig.PASSWORD)))
              .pull(closed.uri("secret/image:1"), PullPolicy.MISSING, progress::add);

      assertThat(version(image)).isEqualTo("secret");
    }
  }

  @Test
  void aPasswordFromTheEnvironmentOpensTheRegistryAndShowsNowhere() throws Exception {
    try (RegistryRig closed = closed()) {
      Map<String, String> env =
          Map.of(
              "APPTAINER_DOCKER_USERNAME",
              RegistryRig.USER,
              "APPTAINER_DOCKER_PASSWORD",
              RegistryRig.PASSWORD);
      closed.hold();
      try (Stop child =
          new Stop(ImageChild.start(cache.root(), closed.uri("secret/image:1"), 1, env))) {
        await().atMost(LONG).until(() -> pulling(closed.uri("secret/image:1")));
        assertThat(HostProcesses.naming(RegistryRig.PASSWORD)).isEmpty();
        closed.goOn();
        String said =
            new String(child.process().getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(said).startsWith("made ").doesNotContain(RegistryRig.PASSWORD);
      }
      try (Stream<Path> files = Files.walk(cache.images())) {
        for (Path file :
            files
                .filter(Files::isRegularFile)
                .filter(path -> path.toString().contains("/.singularity.d/"))
                .toList()) {
          assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
              .as(file.toString())
              .doesNotContain(RegistryRig.PASSWORD);
        }
      }
    }
  }

  @Test
  void aWrongPasswordIsSaidAndNotRepeated() throws Exception {
    try (RegistryRig closed = closed()) {
      String wrong = "wr0ng-Pa55-w0rd";
      Path file = auth(closed, wrong);
      assertThatThrownBy(() ->
              images(config(Format.FOLDER, Map.of(), file))
                  .pull(closed.uri("secret/image:1"), PullPolicy.MISSING, progress::add))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("Tried to fetch")
          .hasMessageContaining("UNAUTHORIZED")
          .hasMessageNotContaining(wrong)
          .hasMessageNotContaining(Files.readString(file).split("\"")[7]);
      assertThatThrownBy(
              () -> images().pull(closed.uri("secret/image:1"), PullPolicy.MISSING, progress::add))
          .isInstanceOf(CreateException.class);
      assertThat(inStore("")).isEmpty();
    }
  }

  // The forms it is kept in, and files of the user's own.

  @ParameterizedTest
  @EnumSource(Format.class)
  void eitherFormStarts(Format format) throws Exception {
    Path image =
        images(config(format, Map.of(), null))
            .pull(registry.uri("a/b_c:1"), PullPolicy.MISSING, progress::add);
    assertThat(Files.isDirectory(image)).isEqualTo(format == Format.FOLDER);
    // What is there in one form is not fetched again for the other.
    Format other = format == Format.FOLDER ? Format.SIF : Format.FOLDER;
    assertThat(
            images(config(other, Map.of(), null))
                .pull(registry.uri("a/b_c:1"), PullPolicy.NEVER, progress::add))
        .isEqualTo(image);

    ApptainerConfig.Images asItIs = config(Format.SIF, Map.of(), null);
    try (ApptainerProvider provider =
            new ApptainerProvider(ApptainerConfig.defaults().with(asItIs));
        Sandbox sandbox = provider.create(SandboxSpec.of(image.toString()))) {
      assertThat(sandbox.exec("cat /version; echo more >>/version; cat /version").stdout())
          .isEqualTo("of a/b_cof a/b_cmore\n");
    }
  }

  @Test
  void aSifFileIsUnpackedOnceUntilItChanges() throws Exception {
    Path sif = sif("a/b_c:1");
    Path first;
    try (ApptainerImages.Ready ready = obtain(sif.toString())) {
      first = ready.path();
      assertThat(version(first)).isEqualTo("of a/b_c");
      assertThat(ready.notices()).isEmpty();
    }
    assertThat(progress).contains("Unpacking " + sif + ", once");
    progress.clear();
    try (ApptainerImages.Ready ready = obtain(sif.toString())) {
      assertThat(ready.path()).isEqualTo(first);
      assertThat(progress).isEmpty();
    }

    Files.copy(sif("a/b_c:2"), sif, StandardCopyOption.REPLACE_EXISTING);
    try (ApptainerImages.Ready ready = obtain(sif.toString())) {
      assertThat(version(ready.path())).isEqualTo("two");
    }
    assertThat(first).doesNotExist();
    assertThat(images().remove(sif.toString(), Duration.ZERO)).isTrue();
    assertThat(inStore("v-")).isEmpty();
    assertThat(sif).exists();
  }

  @Test
  void aSifFileIsMountedIfThatIsWanted() throws Exception {
    Path sif = sif("a/b_c:1");

    try (ApptainerImages.Ready ready =
        images(config(Format.SIF, Map.of(), null)).obtain(sif.toString(), progress::add)) {
      assertThat(ready.path()).isEqualTo(sif);
    }
  }

  @Test
  void aFolderIsUsedWhereItIs() throws Exception {
    try (ApptainerImages.Ready ready = obtain(TestImage.folder().toString())) {
      assertThat(ready.path()).isEqualTo(TestImage.folder());
    }
  }

  @ParameterizedTest
  @EnumSource(ApptainerConfig.Mode.class)
  void aBareRootFileSystemStarts(ApptainerConfig.Mode mode) throws Exception {
    Path bare = Files.createDirectories(scratch.resolve("bare"));
    run("tar", "-xzf", registry.baseLayer().toString(), "-C", bare.toString());
    assertThatThrownBy(() -> obtain(bare.toString()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("no folder dev");
    Files.createDirectory(bare.resolve("dev"));
    Files.createDirectory(bare.resolve("proc"));

    ApptainerConfig config = ApptainerConfig.defaults();
    try (ApptainerProvider provider =
            new ApptainerProvider(config.with(config.create().withMode(mode)));
        Sandbox sandbox = provider.create(SandboxSpec.of(bare.toString()))) {
      assertThat(sandbox.exec("echo a >/a; cat /a").stdout()).isEqualTo("a\n");
    }
    assertThat(bare.resolve("a")).doesNotExist();
  }

  @ParameterizedTest
  @EnumSource(Format.class)
  void aCorruptSifFileIsSaid(Format format) throws Exception {
    Path sif = scratch.resolve("corrupt.sif");
    byte[] bytes = Files.readAllBytes(sif("a/b_c:1"));
    Files.write(sif, java.util.Arrays.copyOf(bytes, bytes.length / 2));

    try (ApptainerProvider provider =
        new ApptainerProvider(ApptainerConfig.defaults().with(config(format, Map.of(), null)))) {
      assertThatThrownBy(() -> provider.create(SandboxSpec.of(sif.toString())))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("Tried to");
      assertThat(provider.list()).noneMatch(sandbox -> sif.toString().equals(sandbox.image()));
      assertThat(HostProcesses.naming(sif.toString())).isEmpty();
      assertThat(provider.images().list())
          .noneMatch(image -> image.key().reference().contains(sif.toString()));
    }
  }

  @Test
  void whatIsNoImageAtAllIsSaid() throws Exception {
    Path sif = Files.writeString(scratch.resolve("text.sif"), "no image");

    assertThatThrownBy(() -> obtain(sif.toString()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("Tried to unpack " + sif);
    assertThat(inStore("")).isEmpty();
  }

  @Test
  void anUnreadableSifFileIsSaid() throws Exception {
    Path sif = Files.writeString(scratch.resolve("closed.sif"), "secret");
    Files.setPosixFilePermissions(sif, PosixFilePermissions.fromString("---------"));

    assertThatThrownBy(() -> obtain(sif.toString()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("may not be read");
  }

  @Test
  void anImageForAnotherProcessorIsSaid() throws Exception {
    byte[] program = Files.readAllBytes(Path.of("/proc/self/exe"));
    program[18] = (byte) 243;
    program[19] = 0;
    registry.pushForeign("foreign/image:1", "riscv64", java.util.Arrays.copyOf(program, 4096));

    assertThatThrownBy(
            () -> images().pull(registry.uri("foreign/image:1"), PullPolicy.MISSING, progress::add))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining(registry.uri("foreign/image:1"))
        .hasMessageMatching("(?s).*(processor|architecture|platform).*");
    assertThat(inStore("v-")).isEmpty();
  }

  // Definition files.

  @Test
  void aDefinitionFileIsBuiltFromTheRegistryAndFromAFolder() throws Exception {
    Path definition = scratch.resolve("tools.def");
    Files.writeString(scratch.resolve("data"), "from the host");
    Files.writeString(
        definition,
        "Bootstrap: docker\nFrom: "
            + registry.host()
            + "/a/b_c:1\n%files\n  data /data\n%post\n  echo built >/built\n");
    Path built = images().build("tools:1", definition, progress::add);
    assertThat(built.resolve("built")).hasContent("built");
    assertThat(built.resolve("data")).hasContent("from the host");

    Files.writeString(
        definition, "Bootstrap: localimage\nFrom: " + built + "\n%post\n  echo again >>/built\n");
    Path next = images().build("tools:2", definition, progress::add);
    assertThat(next.resolve("built")).hasContent("built\nagain");
    assertThat(images().list())
        .extracting(image -> image.key().reference())
        .containsExactly("docker://tools:1", "docker://tools:2");
    assertThat(progress).isNotEmpty();
    // A built image needs no registry.
    assertThat(images().pull("tools:1", PullPolicy.MISSING, progress::add)).isEqualTo(built);
  }

  @Test
  void aFailedBuildEndsWithItsLogAndLeavesTheImageAsItWas() throws Exception {
    Path definition = scratch.resolve("broken.def");
    Files.writeString(
        definition,
        "Bootstrap: docker\nFrom: "
            + registry.host()
            + "/a/b_c:1\n%post\n  echo the reason is this >&2\n  exit 7\n");

    assertThatThrownBy(() -> images().build("broken:1", definition, progress::add))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("Tried to build broken:1")
        .hasMessageContaining("the reason is this");

    assertThat(inStore("")).isEmpty();
  }

  @Test
  void aDefinitionFileThatIsNotThereIsSaid() {
    assertThatThrownBy(() -> images().build("x:1", scratch.resolve("none.def"), progress::add))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("no such definition file");
    assertThatThrownBy(() -> images().build("./x", scratch.resolve("none.def"), progress::add))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("must not look like a path");
  }

  // Keeping house.

  @Test
  void imagesAreListedRemovedAndPruned() throws Exception {
    images().pull(registry.uri("a/b_c:1"), PullPolicy.MISSING, progress::add);
    images().pull(registry.uri("a/b_c:2"), PullPolicy.MISSING, progress::add);
    List<StoredImage> list = images().list();
    assertThat(list)
        .extracting(image -> image.key().reference())
        .containsExactly(registry.uri("a/b_c:1"), registry.uri("a/b_c:2"));
    assertThat(list).allMatch(image -> image.bytes() > 1_000_000 && !image.inUse());

    assertThat(images().remove(registry.uri("a/b_c:1"), Duration.ZERO)).isTrue();
    assertThat(images().remove(registry.uri("a/b_c:1"), Duration.ZERO)).isFalse();

    assertThat(images().prune(Duration.ofHours(1))).isEmpty();
    try (ApptainerImages.Ready used = obtain(registry.uri("a/b_c:2"))) {
      assertThat(images().prune(Duration.ZERO)).isEmpty();
      assertThat(used.path()).exists();
    }
    assertThat(images().prune(Duration.ZERO)).hasSize(1);
    assertThat(inStore("")).isEmpty();
  }

  @Test
  void modesThatCloseAFolderDoNotKeepItFromBeingRemoved() throws Exception {
    Path definition = scratch.resolve("closed.def");
    Files.writeString(
        definition,
        "Bootstrap: docker\nFrom: " + registry.host() + "/a/b_c:1\n%post\n  echo x >/tmp/x\n");
    Path built = images().build("closed:1", definition, progress::add);
    Files.createDirectories(built.resolve("deep/er"));
    Files.setPosixFilePermissions(
        built.resolve("deep/er"), PosixFilePermissions.fromString("---------"));
    Files.setPosixFilePermissions(
        built.resolve("deep"), PosixFilePermissions.fromString("r-x------"));

    assertThat(images().remove("closed:1", Duration.ZERO)).isTrue();
    assertThat(built).doesNotExist();
  }

  @Tag("root")
  @Test
  void aFullDiskIsSaidAndLeavesNothing() throws Exception {
    registry.pushLarge("large/image:1");
    Path disk = Files.createDirectory(scratch.resolve("disk"));
    run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk.toString());
    try {
      CacheHome full = new CacheHome(disk.resolve("cache"));
      ApptainerImages images =
          new ApptainerImages(
              config(Format.FOLDER, Map.of(), null),
              ApptainerBinary.find(null),
              full,
              new Semaphore(4));

      assertThatThrownBy(
              () -> images.pull(registry.uri("large/image:1"), PullPolicy.MISSING, progress::add))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("no space left");

      try (Stream<Path> left = Files.list(full.images())) {
        assertThat(left.filter(path -> !path.getFileName().toString().startsWith("."))).isEmpty();
      }
    } finally {
      run("umount", disk.toString());
    }
  }

  private static boolean pulling(String uri) {
    return HostProcesses.naming(" " + uri).stream()
        .anyMatch(line -> line.contains("apptainer build"));
  }

  private static void run(String... command) throws Exception {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
        .as(String.join(" ", command))
        .isZero();
  }

  private static ApptainerConfig.Images config(
      Format format, Map<String, String> rewrites, Path auth) {
    return new ApptainerConfig.Images(PullPolicy.MISSING, format, rewrites, auth, true);
  }

  private ApptainerImages images() {
    return images(config(Format.FOLDER, Map.of(), null));
  }

  private ApptainerImages images(ApptainerConfig.Images config) {
    return new ApptainerImages(config, ApptainerBinary.find(null), cache, new Semaphore(4));
  }

  private ApptainerImages.Ready obtain(String image) throws InterruptedException {
    return images().obtain(image, progress::add);
  }

  private RegistryRig closed() throws Exception {
    RegistryRig closed = RegistryRig.withPassword(scratch.resolve("registry"));
    closed.push("secret/image:1", "secret");
    return closed;
  }

  private Path auth(RegistryRig rig, String password) throws IOException {
    String token =
        Base64.getEncoder()
            .encodeToString((RegistryRig.USER + ":" + password).getBytes(StandardCharsets.UTF_8));
    return Files.writeString(
        scratch.resolve("auth.json"),
        "{\"auths\":{\"" + rig.host() + "\":{\"auth\":\"" + token + "\"}}}");
  }

  /** A copy of an image of the registry as a file. */
  private Path sif(String name) throws Exception {
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

  private static String version(Path image) throws IOException {
    return Files.readString(image.resolve("version"));
  }

  /** What is in the images' folders of the store and begins so. */
  private List<Path> inStore(String prefix) {
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

  private static void delete(Path folder) {
    assertThat(FolderRemoval.with(CacheHome.ofEnvironment()).remove(folder)).isEmpty();
  }

  private record Stop(Process process) implements AutoCloseable {
    @Override
    public void close() {
      process.destroyForcibly();
    }
  }
}
