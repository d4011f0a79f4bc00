package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.core.launch.LaunchedSandboxes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A JVM that ends, however it ends, leaves nothing: no process and no mount after the lease, no
 * file after the next reap.
 */
@Timeout(180)
class CrashIT {
  private static final Duration AFTER_LEASE = Duration.ofSeconds(20);
  private static final List<String> MODES = List.of("INSTANCE", "DIRECT");
  private static final int AT_ONCE = 4;

  @Test
  void aKilledJvmLeavesNothing(TestReporter reporter) throws Exception {
    kill(56, reporter);
  }

  @Test
  @Tag("soak")
  @Timeout(1800)
  void manyKilledJvmsLeaveNothing(TestReporter reporter) throws Exception {
    kill(400, reporter);
  }

  private static void kill(int times, TestReporter reporter) throws Exception {
    long seed = Long.getLong("berth.seed", System.nanoTime());
    Random random = new Random(seed);
    List<String> images = List.of(TestImage.folder().toString(), CrashRig.sif().toString());
    Map<String, Integer> phases = new TreeMap<>();
    long begun = System.nanoTime();
    try (CrashRig rig = CrashRig.open()) {
      ExecutorService pool = Executors.newFixedThreadPool(AT_ONCE);
      List<Future<String>> kills = new ArrayList<>();
      for (int i = 0; i < times; i++) {
        String mode = MODES.get(i % 2);
        String image = images.get(i / 2 % 2);
        String warm = i / 4 % 2 == 0 ? "warm" : "cold";
        long delay = random.nextLong(i % 3 == 0 ? 1_500_000 : 500_000);
        kills.add(pool.submit(() -> killOne(rig, mode, image, warm, delay)));
      }
      for (Future<String> kill : kills) {
        phases.merge(kill.get(), 1, Integer::sum);
      }
      pool.shutdown();
      int carried = rig.running().size();
      List<String> stored = rig.stored();
      long at = System.nanoTime();
      await("processes and mounts to end by the lease")
          .atMost(CrashRig.LEASE.plus(AFTER_LEASE))
          .untilAsserted(() -> assertThat(rig.running()).isEmpty());
      Duration after = Duration.ofNanos(System.nanoTime() - at);
      List<String> report;
      try (LaunchedSandboxes sandboxes = rig.sandboxes()) {
        report = sandboxes.reap();
      }
      reporter.publishEntry(
          Map.of(
              "seed", "" + seed,
              "killed in (c create, e exec, u upload, d download, s stop)", phases.toString(),
              "after the last kill", carried + " processes, " + stored.size() + " paths",
              "all ended after", after.toMillis() + " ms",
              "reaped", report.size() + " sandboxes",
              "temporary files left", "" + rig.temporary(),
              "took", Duration.ofNanos(System.nanoTime() - begun).toSeconds() + " s"));
      assertThat(rig.stored()).as("what is stored after one reap that said %s", report).isEmpty();
      assertThat(rig.running()).isEmpty();
      assertThat(report).allMatch(line -> line.contains("cleared away ("));
    }
  }

  /** Kills a JVM this long after it is ready; returns what it was doing. */
  private static String killOne(
      CrashRig rig, String mode, String image, String warm, long delayMicros) throws Exception {
    try (CrashJvm child = rig.start("loop", mode, image, warm)) {
      assertThat(child.line()).isEqualTo("ready");
      java.util.concurrent.TimeUnit.MICROSECONDS.sleep(delayMicros);
      child.kill();
      String said = String.join("", child.rest());
      return said.isEmpty() ? "-" : said.substring(said.length() - 1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"exit", "return"})
  void aJvmThatEndsWithoutClosingLeavesNothing(String how) throws Exception {
    try (CrashRig rig = CrashRig.open()) {
      for (String mode : MODES) {
        assertThat(rig.start(how, mode, TestImage.folder().toString()).exitCode()).isZero();
      }
      assertThat(rig.stored()).isNotEmpty();
      await()
          .atMost(CrashRig.LEASE.plus(AFTER_LEASE))
          .untilAsserted(() -> assertThat(rig.running()).isEmpty());
      try (LaunchedSandboxes sandboxes = rig.sandboxes()) {
        assertThat(sandboxes.reap()).hasSize(2);
      }
      assertThat(rig.stored()).isEmpty();
    }
  }

  /** Every look of a reaper at an orphan must not give it another lease. */
  @Test
  void anOrphanEndsByItsLeaseHoweverOftenItIsLookedAt() throws Exception {
    try (CrashRig rig = CrashRig.open();
        LaunchedSandboxes sandboxes = rig.sandboxes()) {
      CrashJvm owner = rig.start("own", "INSTANCE", TestImage.folder().toString());
      owner.line();
      owner.kill();
      await()
          .pollInterval(Duration.ofMillis(100))
          .atMost(CrashRig.LEASE.plus(AFTER_LEASE))
          .untilAsserted(() -> {
            sandboxes.reap();
            sandboxes.list();
            assertThat(rig.stored()).isEmpty();
          });
      assertThat(rig.running()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"INSTANCE", "DIRECT"})
  void anInterruptedThreadLeavesNothing(String mode, TestReporter reporter) throws Exception {
    long seed = Long.getLong("berth.seed", System.nanoTime());
    try (CrashRig rig = CrashRig.open()) {
      CrashJvm child =
          rig.start("interrupts", mode, TestImage.folder().toString(), "30", "" + seed);
      List<String> said = child.rest();
      assertThat(child.exitCode()).isZero();
      Map<String, Integer> outcomes = new TreeMap<>();
      said.forEach(line -> outcomes.merge(line.replaceAll(" \\d+$", ""), 1, Integer::sum));
      reporter.publishEntry(Map.of("seed", "" + seed, "outcomes", outcomes.toString()));
      assertThat(said)
          .hasSize(30)
          .noneMatch(line -> line.contains("bad") || line.contains("threw"));
      assertThat(said)
          .as("the slowest answer to an interrupt")
          .allMatch(line -> Long.parseLong(line.replaceAll("^.* ", "")) < 5000);
      assertThat(said)
          .as("an exec of a long sleep can only be interrupted")
          .filteredOn(line -> line.startsWith("exec"))
          .allMatch(line -> line.contains("interrupted"));
      assertThat(rig.running()).isEmpty();
      assertThat(rig.stored()).isEmpty();
    }
  }

  /** A small tmpfs in a mount namespace of one's own: what plain users can do too. */
  @ParameterizedTest
  @ValueSource(strings = {"INSTANCE", "DIRECT"})
  void aFullDiskLeavesNothing(String mode, TestReporter reporter) throws Exception {
    try (CrashRig rig = CrashRig.open()) {
      String disk = rig.state().root().toString();
      List<String> small =
          List.of(
              "unshare",
              "-Um",
              "--map-current-user",
              "--keep-caps",
              "/bin/sh",
              "-ec",
              "mkdir -p $0; mount -t tmpfs -o size=3m,nr_inodes=2000 none $0; exec \"$@\"",
              disk);
      CrashJvm child =
          rig.start(small, "disk", mode, TestImage.folder().toString(), disk + "/filler");
      List<String> said = child.rest();
      reporter.publishEntry("said", String.join("\n", said));
      assertThat(child.exitCode()).isZero();
      assertThat(said).noneMatch(line -> line.startsWith("bad"));
      assertThat(said).anyMatch(line -> line.matches("the sandbox filled it: 0 still"));
      assertThat(said).anyMatch(line -> line.matches("stopped in \\d+ left \\[\\]\\[\\]"));
      assertThat(said)
          .contains("exec on a full disk: on", "stopped, left [][]", "left [][]", "again on");
      assertThat(said)
          .filteredOn(line -> line.startsWith("refused: Tried to "))
          .hasSizeGreaterThanOrEqualTo(1);
      assertThat(rig.running()).isEmpty();
    }
  }
}
