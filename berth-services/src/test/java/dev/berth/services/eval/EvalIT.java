package dev.berth.services.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import dev.berth.services.swerex.Batch;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The example, whole: real bugs of real packages, each with its failing test before the fix and the
 * passing one after, in sandboxes of Apptainer.
 */
class EvalIT {
  @TempDir private Path folder;

  @Test
  @Timeout(300)
  void everyBugOfTheExampleIsThereAndIsFixed() throws Exception {
    Tasks reader = new Tasks(SandboxSpec.of(env("BERTH_IMAGE")), Duration.ofMinutes(3), true);
    List<Task> tasks =
        Batch.of(Path.of(env("BERTH_EVAL_EXAMPLE"))).read().stream().map(reader::of).toList();
    assertThat(tasks).hasSizeGreaterThanOrEqualTo(10);
    List<String> others = new ArrayList<>();
    try (Berth berth = Berth.open();
        EvalFolder results = EvalFolder.open(folder, true)) {
      new Evaluation(berth, results, 2, 1, new Quiet()).run(tasks);
      for (Task task : tasks) {
        Result result = results.result(task).orElseThrow();
        if (result.verdict() != Verdict.PASSED) {
          others.add(result + "\n" + results.tail(task.id(), 3000));
        }
        assertThat(task.before()).isEqualTo(Expected.FAIL);
        assertThat(result.patchedBy()).isEqualTo("berth");
        assertThat(result.exitCodes().get(Phase.BEFORE)).isNotZero();
      }
      assertThat(others).isEmpty();
      assertThat(Files.readString(results.writeReport("example", tasks)))
          .contains(tasks.size() + " passed");
    }
  }

  private static String env(String name) {
    return Objects.requireNonNull(
        System.getenv(name), name + " is not set; start the tests as ./berth test");
  }

  private static final class Quiet implements Evaluation.Listener {
    @Override
    public void begins(Task task) {}

    @Override
    public void ends(Result result, boolean again) {}
  }
}
