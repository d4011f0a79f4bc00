package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What is made once, and what again. */
class KeptAnswersTest {
  private final KeptAnswers kept = new KeptAnswers();
  private final AtomicInteger made = new AtomicInteger();

  @Test
  void aCallThatFailedUnforeseenIsNotMadeAgain() throws Exception {
    KeptAnswers.Call failing =
        () -> {
          made.incrementAndGet();
          throw new IllegalStateException("after its effect");
        };
    for (int i = 0; i < 2; i++) {
      RuntimeServer.Answer answer = kept.once("one", failing);
      assertThat(answer.status()).isEqualTo(500);
      assertThat(new String(answer.body(), StandardCharsets.UTF_8)).contains("after its effect");
    }
    assertThat(made).hasValue(1);
  }

  @Test
  void aCallThatWasRefusedMayComeAgain() throws Exception {
    assertThatThrownBy(() ->
            kept.once(
                "one",
                () -> {
                  throw new RuntimeServer.Refused(503, "too many");
                }))
        .isInstanceOf(RuntimeServer.Refused.class);
    RuntimeServer.Answer answer =
        kept.once(
            "one", () -> RuntimeServer.Answer.of(200, Map.of("made", made.incrementAndGet())));
    assertThat(answer.status()).isEqualTo(200);
    assertThat(made).hasValue(1);
  }
}
