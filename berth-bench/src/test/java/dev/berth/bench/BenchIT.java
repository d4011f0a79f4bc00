package dev.berth.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.RequestException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * The whole suite with real sandboxes, each measure a few times: that it measures, not how fast.
 */
class BenchIT {
  private static final Plan SMALLEST = new Plan(1, 2, 2, 1, 8, 32, 1, 1, 1, 3);

  @Test
  void measuresEverythingOnce() throws InterruptedException {
    Path apptainer;
    Path image;
    try {
      apptainer = Prerequisites.apptainer(null);
      image = Prerequisites.image(null);
    } catch (RequestException e) {
      assumeTrue(false, "needs Apptainer and an image: " + e.getMessage());
      return;
    }
    PrintStream progress =
        new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    Path sif = Prerequisites.sif(null, image, apptainer, progress);
    Result result = Bench.run(SMALLEST, true, apptainer, image, sif, progress);
    assertThat(result.measurements()).extracting(Measurement::image).containsOnly("SIF", "folder");
    assertThat(result.measurements()).hasSize(16);
    assertThat(result.measurements())
        .allSatisfy(
            measurement -> assertThat(measurement.figures()).allMatch(figure -> figure.p50() > 0));
    assertThat(result.alive()).isNotNull();
    assertThat(result.alive().guestProcesses()).isGreaterThanOrEqualTo(3);
    assertThat(result.alive().guestKib()).isPositive();
    assertThat(TextReport.of(result)).contains("exec true, SIF").contains("sandboxes alive");
  }
}
