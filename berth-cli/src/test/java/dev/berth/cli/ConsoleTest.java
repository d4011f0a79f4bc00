package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class ConsoleTest {
  @Test
  void whatAToolHasSaidIsNotSaidAgain() {
    Set<String> shown = Set.of("INFO: a", "FATAL: b");

    assertThat(Console.unlessShown("it failed:\nINFO: a\nFATAL: b\nmore\nFATAL: b", shown))
        .isEqualTo("it failed:\n(as above)\nmore\n(as above)");
    assertThat(Console.unlessShown("INFO: a", shown)).isEqualTo("INFO: a");
    assertThat(Console.unlessShown("it failed:\nnew", shown)).isEqualTo("it failed:\nnew");
  }
}
