package dev.berth.fargate.images;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TagsTest {
  private static final String HASH = "0123456789abcdef".repeat(4);

  @ParameterizedTest
  @CsvSource({
    "django__django-1, django__django-1",
    "a/b c:d, a-b-c-d",
    "..-x, x",
    "'', image",
    "///, image",
  })
  void aTagIsOneThatEcrTakes(String name, String begin) {
    String tag = Tags.of(name, HASH);
    assertThat(tag).isEqualTo(begin + "-" + HASH).matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
  }

  @Test
  void aLongNameLeavesRoomForTheHash() {
    assertThat(Tags.of("n".repeat(500), HASH)).hasSizeLessThanOrEqualTo(128).endsWith(HASH);
  }

  @ParameterizedTest
  @CsvSource({
    "python, docker.io/library/python:latest",
    "python:3.12, docker.io/library/python:3.12",
    "swebench/x__y:v1, docker.io/swebench/x__y:v1",
    "docker.io/python:3, docker.io/library/python:3",
    "index.docker.io/library/python:3, docker.io/library/python:3",
    "ghcr.io/org/tool, ghcr.io/org/tool:latest",
    "quay.io/a/b/c:1, quay.io/a/b/c:1",
  })
  void aPublicImageIsKnownByOneName(String name, String reference) {
    assertThat(Tags.Public.of(name)).contains(new Tags.Public(reference));
  }

  @Test
  void aDigestStays() {
    assertThat(Tags.Public.of("python:3@sha256:" + HASH))
        .contains(new Tags.Public("docker.io/library/python@sha256:" + HASH));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "123456789012.dkr.ecr.us-west-2.amazonaws.com/name:tag",
        "123456789012.dkr.ecr-fips.us-west-2.amazonaws.com/name:tag",
        "public.ecr.aws/docker/library/python:3",
        "localhost/x:1",
        "localhost:5000/x:1",
        "registry.example:5000/x:1",
        "10.0.0.1/x:1",
        "Python:3",
        "python:3;rm -rf",
        "$(x)",
      })
  void whatIsNotPublicIsLeftAsItIs(String name) {
    assertThat(Tags.Public.of(name)).isEmpty();
  }

  @Test
  void theTagOfACopySaysTheWholeReference() {
    String one = new Tags.Public("docker.io/library/python:3").mirrorTag();
    assertThat(one).matches("mirror-python-3-[0-9a-f]{64}");
    assertThat(one).isNotEqualTo(new Tags.Public("ghcr.io/library/python:3").mirrorTag());
    assertThat(new Tags.Public("ghcr.io/o/t@sha256:" + HASH).mirrorTag())
        .matches("mirror-t-[0-9a-f]{64}");
  }
}
