package dev.berth.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ReportTest {
  private static final Machine MACHINE =
      new Machine(
          "CPU",
          2,
          2048,
          "6.1 amd64",
          "1.4.5",
          "25 (VM)",
          "plain user",
          "0.1 0.2 0.3",
          "2026-01-02T03:04:05Z");

  private static Result result() {
    Samples berth = new Samples();
    Samples other = new Samples();
    berth.add(1);
    other.add(50);
    Measurement measurement =
        new Measurement(
            "exec true",
            "SIF",
            "ms",
            List.of(Figure.of("Berth", berth), Figure.of("other", other)),
            List.of(
                Comparison.ofTimes("other", berth, other, 40),
                Comparison.ofTimes("other", berth, other, 60),
                Comparison.ofTimes("reference", berth, other, 0)));
    Alive alive = new Alive(100, 300, 100, 100, 4, 200, 9000, 10, 12);
    return new Result(MACHINE, true, "not counted", List.of(measurement), alive, 12);
  }

  @Test
  void theTableSaysWhatWasReachedAndWhatWasMissed() {
    String text = TextReport.of(result());
    assertThat(text)
        .contains("50× against other [50–50], target ≥ 40×: reached")
        .contains("target ≥ 60×: MISSED")
        .containsPattern("50× against reference \\[50–50](\\R|$)")
        .contains("Apptainer 1.4.5")
        .contains("500 KiB   target ≤ 2048 KiB: reached")
        .contains("10 before, 12 with all alive; none for each sandbox: reached");
  }

  @Test
  void theDocumentHoldsTheSame() {
    JsonNode document = JsonMapper.builder().build().readTree(JsonReport.of(result()));
    assertThat(document.at("/machine/apptainer").stringValue()).isEqualTo("1.4.5");
    JsonNode measurement = document.at("/measurements/0");
    assertThat(measurement.at("/figures/1/p50").doubleValue()).isEqualTo(50);
    assertThat(measurement.at("/comparisons/0/reached").booleanValue()).isTrue();
    assertThat(measurement.at("/comparisons/1/reached").booleanValue()).isFalse();
    assertThat(measurement.at("/comparisons/2/target").isNull()).isTrue();
    assertThat(document.at("/alive/total_kib").doubleValue()).isEqualTo(500);
  }
}
