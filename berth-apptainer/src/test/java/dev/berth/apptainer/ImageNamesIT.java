package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.apptainer.ApptainerConfig.Format;
import dev.berth.core.image.PullPolicy;
import dev.berth.testkit.HostProcesses;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What names an image, and what opens a registry. */
class ImageNamesIT extends ImageRig {
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
}
