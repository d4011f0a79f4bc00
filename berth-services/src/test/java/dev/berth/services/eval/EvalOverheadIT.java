package dev.berth.services.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import dev.berth.services.swerex.BatchInstance;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an evaluation costs over its commands by hand, turn by turn, in sandboxes of Apptainer. */
@Tag("soak")
class EvalOverheadIT {
  private static final int ROUNDS = 10;
  private static final int INSTANCES = 4;
  private static final String SETUP =
      "python3 -c 'import json, unittest; open(\"f\", \"w\").write(\"one\")'";
  private static final String TEST =
      "python3 -m unittest -q unittest.test.test_assertions && grep -q one f";

  @TempDir private Path folder;

  @Test
  @Timeout(300)
  void costsLittleOverTheCommandsThemselves() throws Exception {
    String image = Objects.requireNonNull(System.getenv("BERTH_IMAGE"), "BERTH_IMAGE");
    try (Berth berth = Berth.open()) {
      // The figure is for reading; a machine that does other things meanwhile is no failure.
      assertThat(measure(berth, SandboxSpec.of(image), SETUP, TEST)).isLessThan(0.2);
    }
  }

  /** Sandboxes and commands that cost next to nothing: what is left is the evaluation's own. */
  @Test
  @Timeout(300)
  void costsLittleInItself() throws Exception {
    try (Berth berth = Berth.builder().provider("local").build()) {
      assertThat(measure(berth, SandboxSpec.builder().build(), "true", "true")).isLessThan(2);
    }
  }

  private double measure(Berth berth, SandboxSpec spec, String setup, String test)
      throws Exception {
    Tasks tasks = new Tasks(spec, Duration.ofMinutes(2), true);
    Map<String, String> fields = Map.of("directory", "/tmp", "setup", setup, "test_command", test);
    long[] hand = new long[ROUNDS];
    long[] eval = new long[ROUNDS];
    try (EvalFolder results = EvalFolder.open(folder, true)) {
      // The first round warms up. Whose turn is first changes: a busy machine gets no calmer.
      for (int round = -1; round < ROUNDS; round++) {
        long[] took = new long[2];
        for (int turn = 0; turn < 2; turn++) {
          boolean ours = (round + turn) % 2 == 0;
          long start = System.nanoTime();
          if (ours) {
            List<Task> block = block(tasks, fields, round);
            new Evaluation(berth, results, 1, 0, new Silent()).run(block);
            assertThat(block)
                .allMatch(task -> results.result(task).orElseThrow().verdict() == Verdict.PASSED);
          } else {
            for (int i = 0; i < INSTANCES; i++) {
              byHand(berth, spec, setup, test);
            }
          }
          took[ours ? 1 : 0] = System.nanoTime() - start;
        }
        if (round >= 0) {
          hand[round] = took[0] / INSTANCES;
          eval[round] = took[1] / INSTANCES;
        }
      }
    }
    double over = (double) at(eval, ROUNDS / 2) / at(hand, ROUNDS / 2) - 1;
    System.out.printf(
        "%s, an instance by hand: median %.1f ms, least %.1f ms; by berth eval: median %.1f ms, least"
            + " %.1f ms; over: %.2f %% and %.2f %% (%d rounds of %d)%n",
        berth.provider().name(),
        at(hand, ROUNDS / 2) / 1e6,
        at(hand, 0) / 1e6,
        at(eval, ROUNDS / 2) / 1e6,
        at(eval, 0) / 1e6,
        over * 100,
        ((double) at(eval, 0) / at(hand, 0) - 1) * 100,
        ROUNDS,
        INSTANCES);
    return over;
  }

  private static List<Task> block(Tasks tasks, Map<String, String> fields, int round) {
    List<Task> block = new ArrayList<>();
    for (int i = 0; i < INSTANCES; i++) {
      String id = "t" + round + "-" + i;
      block.add(tasks.of(new BatchInstance(id, "", null, null, null, fields)));
    }
    return block;
  }

  private static void byHand(Berth berth, SandboxSpec spec, String setup, String test)
      throws InterruptedException {
    try (Sandbox sandbox = berth.create(spec)) {
      sandbox.exec(Command.shell(setup).inDirectory("/tmp")).orThrow();
      sandbox.exec(Command.shell(test).inDirectory("/tmp")).orThrow();
    }
  }

  private static long at(long[] times, int index) {
    long[] sorted = times.clone();
    Arrays.sort(sorted);
    return sorted[index];
  }

  private static final class Silent implements Evaluation.Listener {
    @Override
    public void begins(Task task) {}

    @Override
    public void ends(Result result, boolean again) {}
  }
}
