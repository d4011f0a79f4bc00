package dev.berth.services;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.OutputSink;
import dev.berth.OutputSink.Channel;
import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ServiceLogTest {
  private static void print(ServiceLog log, String text) {
    log.pump(Channel.STDOUT, new ByteArrayInputStream(text.getBytes(UTF_8)));
  }

  @Test
  void keepsTheEndInWholeLines() {
    Random random = new Random(7);
    StringBuilder all = new StringBuilder();
    ServiceLog log = new ServiceLog(1024, List.of(), OutputSink.NONE);
    for (int i = 0; i < 3000; i++) {
      String piece = "x".repeat(random.nextInt(300)) + (random.nextBoolean() ? "\n" : "");
      all.append(piece);
      print(log, piece);
      String kept = log.text();
      assertThat(all).endsWith(kept);
      assertThat(kept.length()).isLessThanOrEqualTo(1024);
      if (all.length() <= 1024) {
        assertThat(kept).isEqualTo(all.toString());
      }
    }
    print(log, "y".repeat(100_000));
    assertThat(log.text()).isEqualTo("y".repeat(1024));
  }

  @Test
  void secretsAreReplacedAlsoWhereTheLogBegins() {
    ServiceLog log = new ServiceLog(1024, List.of("secret", "secret-longer", "x"), OutputSink.NONE);
    print(log, "a secret-longer x secret\n");
    assertThat(log.text()).isEqualTo("a *** x ***\n");
    print(log, "secret-longer".repeat(1000));
    assertThat(log.text())
        .doesNotContain("secret")
        .doesNotContain("longer\n")
        .hasSizeLessThan(1024);
  }
}
