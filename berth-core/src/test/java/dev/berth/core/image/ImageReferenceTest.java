package dev.berth.core.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageReferenceTest {
  @ParameterizedTest
  @CsvSource({
    "ubuntu:22.04, docker://ubuntu:22.04, docker, false",
    "docker://ubuntu, docker://ubuntu, docker, false",
    "library://a/b, library://a/b, library, false",
    "oras://host:5000/a, oras://host:5000/a, oras, false",
    "/images/a, /images/a, '', true",
    "./a, ./a, '', true",
    "../a, ../a, '', true",
    "a.sif, a.sif, '', true",
    "host:5000/a/b@sha256:0, docker://host:5000/a/b@sha256:0, docker, false",
  })
  void isToldApartByItsForm(String text, String meant, String scheme, boolean local) {
    ImageReference reference = ImageReference.parse(text);

    assertThat(reference.text()).isEqualTo(meant);
    assertThat(reference.scheme()).isEqualTo(scheme);
    assertThat(reference.local()).isEqualTo(local);
  }

  @Test
  void aPathIsAbsolute() {
    assertThat(ImageReference.parse("a/../b.sif").path())
        .isEqualTo(Path.of("b.sif").toAbsolutePath());
    assertThatThrownBy(() -> ImageReference.parse(" ")).isInstanceOf(RequestException.class);
  }

  @Test
  void namesThatLookAlikeDoNotCollide() {
    List<ImageKey> keys =
        List.of(
            key("docker://a/b_c", ImageKind.SIF),
            key("docker://a_b/c", ImageKind.SIF),
            key("docker://a/b/c", ImageKind.SIF),
            key("docker://a/b/c", ImageKind.FOLDER),
            key("oras://a/b/c", ImageKind.SIF),
            new ImageKey("docker://a/b/c", ImageKind.SIF, "other"));

    assertThat(keys.stream().map(ImageKey::fileName)).doesNotHaveDuplicates();
    assertThat(key("docker://" + "x/".repeat(500), ImageKind.SIF).fileName())
        .hasSizeLessThan(100)
        .doesNotContain("/");
    assertThat(key("docker://../..", ImageKind.SIF).fileName()).startsWith("~");
  }

  @Test
  void theFirstRuleThatFitsRewrites() {
    ImageRewrites rewrites =
        new ImageRewrites(
            List.of(
                new ImageRewrites.Rule("docker.io/library/", "mirror/hub/"),
                new ImageRewrites.Rule("docker.io/", "docker://other/"),
                new ImageRewrites.Rule("docker://mirror/", "wrong/"),
                new ImageRewrites.Rule("oras://a/", "oras://b/")));

    assertThat(rewritten(rewrites, "docker.io/library/x:1")).isEqualTo("docker://mirror/hub/x:1");
    assertThat(rewritten(rewrites, "docker.io/me/x")).isEqualTo("docker://other/me/x");
    assertThat(rewritten(rewrites, "oras://a/x")).isEqualTo("oras://b/x");
    assertThat(rewritten(rewrites, "x")).isEqualTo("docker://x");
    assertThat(rewritten(rewrites, "/docker.io/x")).isEqualTo("/docker.io/x");
    assertThatThrownBy(() -> new ImageRewrites.Rule("", "x")).isInstanceOf(RequestException.class);
  }

  @Test
  void policiesAreRead() {
    assertThat(PullPolicy.parse("always")).isEqualTo(PullPolicy.ALWAYS);
    assertThatThrownBy(() -> PullPolicy.parse("often"))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("never, missing and always");
  }

  private static ImageKey key(String reference, ImageKind kind) {
    return new ImageKey(reference, kind, "x86_64");
  }

  private static String rewritten(ImageRewrites rewrites, String text) {
    return rewrites.apply(ImageReference.parse(text)).text();
  }
}
