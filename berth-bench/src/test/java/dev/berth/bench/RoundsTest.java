package dev.berth.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RoundsTest {
  @Test
  void contendersTakeTurnsAndEveryOtherRoundGoesBackwards() throws InterruptedException {
    List<String> order = new ArrayList<>();
    List<Rounds.Part> parts =
        List.of(
            new Rounds.Part("A", 1, () -> order.add("A"), () -> order.add("cleared")),
            new Rounds.Part("B", 1, () -> order.add("B")));
    Map<String, Samples> samples = Rounds.run(0, 3, parts);
    int warmUp = 2 * 2 + 2;
    assertThat(order.subList(warmUp, order.size()))
        .containsExactly("A", "cleared", "B", "B", "A", "cleared", "A", "cleared", "B");
    assertThat(samples.get("A").count()).isEqualTo(3);
    assertThat(samples.get("B").count()).isEqualTo(3);
  }
}
