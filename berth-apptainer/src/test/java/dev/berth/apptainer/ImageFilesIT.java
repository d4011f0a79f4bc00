package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.apptainer.ApptainerConfig.Format;
import dev.berth.core.image.PullPolicy;
import dev.berth.testkit.HostProcesses;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The forms that images are kept in, and files and folders of the user's own. */
class ImageFilesIT extends ImageRig {
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
          .hasMessageContaining("Tried to use the image " + sif + ", but it is cut off")
          .hasMessageContaining("Fetch, copy or build it again");
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
        .hasMessageContaining("Tried to use the image " + sif + ", but it is no SIF file");
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
}
