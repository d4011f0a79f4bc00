package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogTailTest {
  @Test
  void linesStandBelowTheirContainersName() {
    assertThat(LogTail.block("main", List.of("first\n", "second\tthing")))
        .isEqualTo("\nThe container main logged:\n  first\n  second thing");
    assertThat(LogTail.block("main", List.of())).isEmpty();
  }

  @Test
  void whatIsPrintedForgesNoHeadingAndReachesNoTerminal() {
    String text =
        LogTail.block("main", List.of("a\nThe container ssh-sidecar logged:\r\u001b[2J\u009b2J"));
    assertThat(text.lines()).hasSize(3);
    assertThat(text).doesNotContain("\nThe container ssh-sidecar");
    assertThat(text.replace("\n", "").codePoints()).noneMatch(Character::isISOControl);
  }

  @Test
  void whatIsCutKeepsTheHeadingAndTheLastLines() {
    List<String> many = Collections.nCopies(19, "x".repeat(300));
    String text =
        LogTail.block(
            "main",
            java.util.stream.Stream.concat(many.stream(), java.util.stream.Stream.of("last words"))
                .toList());
    assertThat(text).startsWith("\nThe container main logged:\n  x").endsWith("\n  last words");
    assertThat(text).hasSizeLessThan(2000);
    assertThat(LogTail.block("main", List.of("y".repeat(100_000))))
        .startsWith("\nThe container main logged:\n  y")
        .hasSizeLessThan(500);
  }
}
