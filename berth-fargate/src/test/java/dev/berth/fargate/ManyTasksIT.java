package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Many tasks started at once by one JVM; figures are printed. */
@Tag("rig")
@Tag("root")
@ExtendWith(RigExtension.class)
class ManyTasksIT {
  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  @AfterEach
  void clear() throws Exception {
    rig.proxy().endAll();
    rig.faults().clear();
  }

  @Test
  void twelveAtOnce() throws Exception {
    startAtOnce(12);
  }

  /** Some minutes: two real containers for each. */
  @Test
  @Tag("soak")
  void twoHundredAtOnce() throws Exception {
    startAtOnce(200);
  }

  private void startAtOnce(int count) throws Exception {
    rig.proxy().rates().clear();
    Map<String, Double> figures = child(count);
    rig.proxy()
        .rates()
        .summary()
        .forEach((operation, calls) -> System.out.println("many " + operation + ": " + calls));
    assertThat(figures).containsEntry("done", 1.0).containsEntry("running", (double) count);
    assertThat(rig.proxy().rates().broken()).isEmpty();
    assertThat(figures.get("heap_and_direct_kib_each")).isLessThan(1024);
    // Those of the pools there are, whatever the count: of the SDK's clock, sockets, carriers.
    assertThat(
            figures.get("platform_threads_peak_while_starting")
                - figures.get("platform_threads_before"))
        .isLessThanOrEqualTo(12);
    assertThat(figures.get("platform_threads_left")).isLessThanOrEqualTo(8);
    assertThat(figures.get("descriptors_left")).isLessThanOrEqualTo(10);
    assertThat(figures).containsEntry("folders_left", 0.0);
    await()
        .atMost(Duration.ofMinutes(10))
        .until(() -> rig.proxy().tasks().stream().allMatch(t -> t.status().equals("STOPPED")));
  }

  private static Map<String, Double> child(int count) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m"));
    System.getProperties()
        .forEach((name, value) -> {
          if (name.toString().startsWith("berth.")) {
            command.add("-D" + name + "=" + value);
          }
        });
    command.addAll(
        List.of(
            "-cp", System.getProperty("java.class.path"), ManyTasks.class.getName(), "" + count));
    command.add("600");
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    Map<String, Double> figures = new HashMap<>();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        System.out.println(line);
        String[] words = line.split("[ =]");
        if (words.length == 3 && words[0].equals("many")) {
          figures.put(words[1], Double.parseDouble(words[2]));
        }
      }
      assertThat(process.waitFor()).as("the child JVM's exit code").isZero();
    } finally {
      process.destroyForcibly();
    }
    return figures;
  }
}
