package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.apptainer.ApptainerConfig.Format;
import dev.berth.core.image.PullPolicy;
import dev.berth.core.image.StoredImage;
import dev.berth.core.state.CacheHome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Images that definition files make, and housekeeping. */
class ImageStoreIT extends ImageRig {
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

  @Tag("root")
  @Test
  void rootBuildsEvenWhereItHasNotAllCapabilities() throws Exception {
    Path definition = scratch.resolve("owned.def");
    Files.writeString(
        definition,
        "Bootstrap: localimage\nFrom: "
            + TestImage.folder()
            + "\n%post\n  touch /owned && chown 5:6 /owned\n");

    Path built = images().build("owned:1", definition, progress::add);

    assertThat(Files.getAttribute(built.resolve("owned"), "unix:uid")).isEqualTo(5);
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
        "Bootstrap: docker\nFrom: " + registry.host() + "/a/b_c:1\n%post\n  echo x >/x\n");
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
}
