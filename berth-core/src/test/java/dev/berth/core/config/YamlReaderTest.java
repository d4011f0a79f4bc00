package dev.berth.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.spi.ConfigSection;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class YamlReaderTest {
  @Test
  void readsEveryKindOfValue() {
    Map<String, ?> values =
        values(
            """
            text: a b
            quoted: "3"
            yes: yes
            flag: true
            none: ~
            empty:
            blank: ""
            list: [a, [b], {c: d}]
            block: {a: {b: c}}
            folded: |
              one
              two
            """);

    assertThat(values.get("text")).isEqualTo("a b");
    assertThat(values.get("quoted")).isEqualTo("3");
    assertThat(values.get("yes")).isEqualTo("yes");
    assertThat(values.get("flag")).isEqualTo(true);
    assertThat(values.get("none")).isNull();
    assertThat(values.get("empty")).isNull();
    assertThat(values.get("blank")).isEqualTo("");
    assertThat(values.get("list")).isEqualTo(List.of("a", List.of("b"), Map.of("c", "d")));
    assertThat(values.get("block")).isEqualTo(Map.of("a", Map.of("b", "c")));
    assertThat(values.get("folded")).isEqualTo("one\ntwo\n");
    assertThat(values("")).isEmpty();
    assertThat(values("# nothing")).isEmpty();
  }

  @Test
  void aNumberIsWhatWasWrittenWhereATextIsWanted() {
    ConfigSection section =
        ConfigSection.of("s", values("{a: 3.10, b: 007, c: 1e3, d: -5, e: 0x10, f: 1_000}"));

    assertThat(section.text("a")).isEqualTo("3.10");
    assertThat(section.text("b")).isEqualTo("007");
    assertThat(section.text("c")).isEqualTo("1e3");
    assertThat(section.integer("d", 0, -10, 10)).isEqualTo(-5);
    assertThat(section.text("e")).isEqualTo("0x10");
    assertThat(section.text("f")).isEqualTo("1_000");
    assertThat(section.integer("c", 0, 0, 2000)).isEqualTo(1000);
  }

  @Test
  void jsonIsYaml() {
    assertThat(values("{\"a\": [1.5, true, null], \"b\": \"\\u00e9\\/\\n\"}\n").get("b"))
        .isEqualTo("é/\n");
  }

  @Test
  void aliasesStandForWhatTheyName() {
    Map<String, ?> values =
        values(
            """
            base: &base {a: x, b: y}
            # 𝄞 counts once
            word: &w hello
            number: &n 3.10
            quoted: [&q "a, b", *q]
            same: *n
            copy: *base
            again: *w
            merged: {<<: *base, b: z}
            """);

    assertThat(values.get("copy")).isEqualTo(Map.of("a", "x", "b", "y"));
    assertThat(values.get("same")).hasToString("3.10");
    assertThat(values.get("quoted")).isEqualTo(List.of("a, b", "a, b"));
    assertThat(values.get("again")).isEqualTo("hello");
    assertThat(values.get("merged")).isEqualTo(Map.of("a", "x", "b", "z"));
  }

  @Test
  void aBillionLaughsAreRefused() {
    StringBuilder text = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
      text.append("a%d: &a%d [%s]\n".formatted(i, i, ("*a" + (i - 1) + ", ").repeat(10)));
    }
    assertThatThrownBy(() -> values(text.toString()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("more than 100000 values");
  }

  @Test
  void deepNestingIsRefused() {
    assertThatThrownBy(() -> values("a: " + "[".repeat(60) + "]".repeat(60)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("nested");
    assertThatThrownBy(() -> values("{a: ".repeat(100_000))).isInstanceOf(RequestException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a: [1, 2",
        "a: b: c",
        "a: 1\na: 2",
        "a: *nothing",
        "- a",
        "text",
        "a: 1\n---\nb: 2",
        "\ta: 1",
        "a: \"unended",
        "a: &x [*x]",
        "? [a]\n: b",
      })
  void whatIsNoConfigurationIsAnErrorWithFileAndLine(String text) {
    assertThatThrownBy(() -> values(text))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("f.yaml line ");
  }

  @Test
  void theLineIsTheRightOne() {
    assertThatThrownBy(() -> values("a: 1\nb:\n  c: 1\n  c: 2\n"))
        .hasMessageContaining("f.yaml line 4")
        .hasMessageContaining("'c'");
    assertThat(YamlReader.read("f", "a: 1\n\n\nb: {}\n").lines()).isEqualTo(Map.of("a", 1, "b", 4));
  }

  private static Map<String, ?> values(String text) {
    return YamlReader.read("f.yaml", text).values();
  }
}
