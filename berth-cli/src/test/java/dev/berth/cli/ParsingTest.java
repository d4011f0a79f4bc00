package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.RequestException;
import dev.berth.Volume;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/** What people type, and what comes of it. */
class ParsingTest {
  @ParameterizedTest
  @CsvSource({
    "30, 30000",
    "1.5, 1500",
    "30s, 30000",
    "5m, 300000",
    "2h, 7200000",
    "1d, 86400000",
    "1h30m, 5400000",
    "500ms, 500",
    "0.25s, 250",
    "1m30s, 90000"
  })
  void durations(String text, long millis) {
    assertThat(Durations.parse(text)).isEqualTo(Duration.ofMillis(millis));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "0", "-1", "s", "5x", "1h30", "1.2.3s", "5 m", "1e3", "99999999999", "0s"})
  void whatIsNoDurationIsRefusedWithExamples(String text) {
    assertThatExceptionOfType(TypeConversionException.class)
        .isThrownBy(() -> Durations.parse(text))
        .withMessageContaining("30s, 5m, 2h");
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "4096b, 4096",
    "512k, 524288",
    "512m, 536870912",
    "2g, 2147483648",
    "2G, 2147483648",
    "1.5g, 1610612736",
    "2GiB, 2147483648",
    "1t, 1099511627776",
    "0.1k, 103"
  })
  void sizes(String text, long bytes) {
    assertThat(Sizes.parse(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "-1m", "m", "5q", "1.2.3m", "2 g", "9999999t"})
  void whatIsNoSizeIsRefusedWithExamples(String text) {
    assertThatExceptionOfType(TypeConversionException.class)
        .isThrownBy(() -> Sizes.parse(text))
        .withMessageContaining("512m, 2g");
  }

  @Test
  void aSizeIsRoundedUpToWholeMebibytes() {
    assertThat(Sizes.mebibytes(1)).isEqualTo(1);
    assertThat(Sizes.mebibytes(1 << 20)).isEqualTo(1);
    assertThat(Sizes.mebibytes((1 << 20) + 1)).isEqualTo(2);
  }

  @Test
  void mounts() {
    assertThat(Binds.parse("/a:/b")).isEqualTo(Volume.ofHost("/a", "/b", false));
    assertThat(Binds.parse("/a:/b:ro")).isEqualTo(Volume.ofHost("/a", "/b", true));
    assertThat(Binds.parse("/a:/b:rw")).isEqualTo(Volume.ofHost("/a", "/b", false));
    assertThat(Binds.parse("x/../y:/b").hostPath())
        .isEqualTo(Path.of("y").toAbsolutePath().toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/a", "/a:", ":/b", "/a:b", "/a:/b:rx", "/a:/b:ro:x"})
  void whatIsNoMountIsRefused(String text) {
    assertThatExceptionOfType(TypeConversionException.class)
        .isThrownBy(() -> Binds.parse(text))
        .withMessageContaining("SRC:DST");
  }

  @Test
  void variablesKeepWhatFollowsTheFirstEqualsSign() {
    assertThat(Pairs.variables(List.of("A=b=c", "E=", "K"), Map.of("K", "host")))
        .containsExactly(Map.entry("A", "b=c"), Map.entry("E", ""), Map.entry("K", "host"));
  }

  @Test
  void aVariableThatIsNotSetHereIsAnError() {
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> Pairs.variables(List.of("K"), Map.of()))
        .withMessageContaining("K=VALUE");
  }

  @Test
  void aLabelsTextMayBeEmptyAndHoldEqualsSigns() {
    assertThat(Pairs.labels(List.of("a=b=c", "d=")))
        .containsExactly(Map.entry("a", "b=c"), Map.entry("d", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"novalue", "=v", "="})
  void whatIsNoLabelIsRefused(String word) {
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> Pairs.labels(List.of(word)))
        .withMessageContaining("NAME=TEXT");
  }

  @Test
  void aLabelIsSetOnce() {
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> Pairs.labels(List.of("a=b", "a=c")))
        .withMessageContaining("'a' twice");
  }

  @ParameterizedTest
  @CsvSource({"abc:/x, abc, /x", "abc:rel/x, abc, rel/x", "abc:, abc, .", "abc:/x:y, abc, /x:y"})
  void aPathInASandbox(String word, String id, String path) {
    assertThat(CpVerb.Remote.of(word)).isEqualTo(new CpVerb.Remote(id, path));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/a:b", "./a:b", "a/b:c", ":x", "plain", ".:x"})
  void aPathOfThisHost(String word) {
    assertThat(CpVerb.Remote.of(word)).isNull();
  }

  @Test
  void aCommandMayFollowTwoDashes() {
    assertThat(Words.command(List.of("--", "ls", "--", "-l")).arguments())
        .containsExactly("ls", "--", "-l");
    assertThat(Words.command(List.of("ls", "-l")).arguments()).containsExactly("ls", "-l");
  }
}
