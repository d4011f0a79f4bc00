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

  @Test
  void aMessageCommandsNoTerminal() {
    assertThat(Console.unlessShown("a \u001b]0;x\u0007\tb \u202ec\n\u001b[2Jd é", Set.of()))
        .isEqualTo("a ?]0;x? b ?c\n?[2Jd é");
  }
}
