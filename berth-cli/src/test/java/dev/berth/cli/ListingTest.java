package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.SandboxLostException;
import dev.berth.SandboxStatus;
import dev.berth.spi.SandboxSummary;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Finding sandboxes by what somebody typed, and showing them. */
class ListingTest {
  private static final List<SandboxSummary> KNOWN =
      List.of(sandbox("abcd2345abcd"), sandbox("abce2345abcd"), sandbox("xyz22345abcd"));

  @Test
  void aUniquePrefixIsEnough() {
    assertThat(Sandboxes.find(KNOWN, "x").id()).isEqualTo("xyz22345abcd");
    assertThat(Sandboxes.find(KNOWN, "abcd").id()).isEqualTo("abcd2345abcd");
    assertThat(Sandboxes.find(KNOWN, "abce2345abcd").id()).isEqualTo("abce2345abcd");
  }

  @Test
  void aPrefixOfSeveralNamesThem() {
    assertThatExceptionOfType(SandboxLostException.class)
        .isThrownBy(() -> Sandboxes.find(KNOWN, "abc"))
        .withMessageContaining("several begin so: abcd2345abcd, abce2345abcd");
  }

  @Test
  void aWrongIdNamesCloseOnes() {
    assertThatExceptionOfType(SandboxLostException.class)
        .isThrownBy(() -> Sandboxes.find(KNOWN, "xyz22346abcd"))
        .withMessageContaining("close to it: xyz22345abcd");
  }

  @Test
  void aWrongIdNamesSomeOfMany() {
    List<SandboxSummary> many = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      many.add(sandbox("n" + i));
    }
    assertThatExceptionOfType(SandboxLostException.class)
        .isThrownBy(() -> Sandboxes.find(many, "qqqqqqqqqqqq"))
        .withMessageContaining("and 12 more");
    assertThatExceptionOfType(SandboxLostException.class)
        .isThrownBy(() -> Sandboxes.find(List.of(), "q"))
        .withMessageContaining("none at all");
  }

  @Test
  void anEmptyIdIsNobodys() {
    assertThatExceptionOfType(SandboxLostException.class)
        .isThrownBy(() -> Sandboxes.find(List.of(sandbox("only")), ""));
  }

  @Test
  void jsonIsEscaped() {
    Json json =
        new Json()
            .put("a\"b", "q\\\n\u0001")
            .put("n", null)
            .put("l", Arrays.asList("x", 1, null, true))
            .put("m", Map.of("k", 1.5));
    assertThat(json.toString())
        .isEqualTo(
            "{\"a\\\"b\":\"q\\\\\\n\\u0001\",\"n\":null,\"l\":[\"x\",1,null,true],\"m\":{\"k\":1.5}}");
  }

  @Test
  void aTableHasAlignedColumnsAndNoControlCharacters() {
    Table table = new Table("A", "LONG").row("wide cell", "x").row("e\u001b[31m", "y");
    assertThat(table.toString().lines())
        .containsExactly("A          LONG", "wide cell  x", "e?[31m     y");
  }

  @Test
  void durationsShowTheirTwoLargestUnits() {
    assertThat(Durations.show(Duration.ofSeconds(5))).isEqualTo("5s");
    assertThat(Durations.show(Duration.ofSeconds(65))).isEqualTo("1m5s");
    assertThat(Durations.show(Duration.ofMinutes(61))).isEqualTo("1h1m");
    assertThat(Durations.show(Duration.ofHours(25))).isEqualTo("1d1h");
    assertThat(Durations.show(Duration.ofSeconds(-5))).isEqualTo("0s");
  }

  @Test
  void sizesShowABinaryUnit() {
    assertThat(Sizes.show(512)).isEqualTo("512 B");
    assertThat(Sizes.show(1536)).isEqualTo("1.5 KiB");
    assertThat(Sizes.show(300L << 20)).isEqualTo("300 MiB");
  }

  private static SandboxSummary sandbox(String id) {
    return new SandboxSummary(
        id, "local", SandboxStatus.RUNNING, "/", Instant.EPOCH, null, false, Map.of(), "{}");
  }
}
