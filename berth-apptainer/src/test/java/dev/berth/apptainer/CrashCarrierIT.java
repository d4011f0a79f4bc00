package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.core.launch.LaunchedSandboxes;
import dev.berth.core.state.StateHome;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What carries a sandbox is killed or stopped from outside, one process at a time; or does not come
 * up in time.
 */
@Timeout(120)
class CrashCarrierIT {
  private static final Duration STOP_WITHIN = Duration.ofSeconds(6);

  /** Which process of a sandbox. */
  enum Victim {
    GUEST("/.singularity.d/startscript serve"),
    INIT("appinit"),
    MONITOR("Apptainer "),
    SQUASHFS("squashfuse_ll"),
    OVERLAY("fuse-overlayfs");

    private final String name;

    Victim(String name) {
      this.name = name;
    }

    /** The first, that is the outermost, process of this kind that belongs to the sandbox. */
    long pid(String id) {
      List<Long> found = new ArrayList<>();
      try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
        for (Path process : processes) {
          String line = CrashRig.read(process.resolve("cmdline")).replace('\0', ' ').strip();
          // The guardian is called like its guest, but has the mark, which the guest hides.
          boolean fits =
              this == GUEST ? line.startsWith(name) && !marked(process, id) : line.contains(name);
          if (fits && (line.contains("berth-" + id) || marked(process, id))) {
            found.add(Long.parseLong(process.getFileName().toString()));
          }
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
      assertThat(found).as("processes of %s", this).isNotEmpty();
      return found.stream()
          .filter(pid ->
              ProcessHandle.of(pid)
                  .flatMap(ProcessHandle::parent)
                  .filter(parent -> found.contains(parent.pid()))
                  .isEmpty())
          .findFirst()
          .orElseThrow();
    }

    private static boolean marked(Path process, String id) {
      try {
        return Files.readSymbolicLink(process.resolve("fd/4")).toString().contains(id);
      } catch (IOException e) {
        return false;
      }
    }
  }

  private static ApptainerProvider provider(String mode) {
    return new ApptainerProvider(CrashRig.config(mode, Duration.ofSeconds(30)));
  }

  private static String image(String kind) {
    if (kind.equals("sif")) {
      assumeTrue(
          CrashRig.mountable(), "a .sif is not mounted here: /dev/fuse is closed to this user");
      return CrashRig.sif().toString();
    }
    return TestImage.folder().toString();
  }

  private static void assertGone(String id) {
    assertThat(CrashRig.running(id)).isEmpty();
    assertThat(StateHome.ofEnvironment().find(id)).isEmpty();
    assertThat(StateHome.ofEnvironment().root().resolve("leases").resolve(id)).doesNotExist();
  }

  private static long millis(Runnable what) {
    long at = System.nanoTime();
    what.run();
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - at);
  }

  @ParameterizedTest
  @CsvSource({
    "INSTANCE, folder, GUEST",
    "DIRECT, folder, GUEST",
    "INSTANCE, sif, GUEST",
    "INSTANCE, folder, INIT",
    "DIRECT, sif, INIT",
    "INSTANCE, folder, MONITOR",
    "DIRECT, folder, MONITOR",
    "INSTANCE, sif, MONITOR",
    "DIRECT, sif, MONITOR",
    "INSTANCE, sif, SQUASHFS",
    "DIRECT, sif, SQUASHFS",
    "INSTANCE, sif, OVERLAY",
    "DIRECT, sif, OVERLAY"
  })
  void aKilledProcessOfItLeavesNothing(
      String mode, String kind, Victim victim, TestReporter reporter) throws Exception {
    try (ApptainerProvider provider = provider(mode)) {
      Sandbox sandbox = provider.create(SandboxSpec.of(image(kind)));
      FutureTask<ExecResult> call =
          new FutureTask<>(
              () -> sandbox.exec(Command.shell("echo up; setsid sleep 1000 & sleep 1001")));
      Thread.ofVirtual().start(call);
      sandbox.startBackground(Command.shell("exec sleep 1002"));

      long pid = victim.pid(sandbox.id());
      ProcessHandle.of(pid).orElseThrow().destroyForcibly();

      boolean lost =
          victim != Victim.SQUASHFS && victim != Victim.OVERLAY && victim != Victim.MONITOR;
      if (lost) {
        long noticed =
            millis(() ->
                assertThat(call)
                    .succeedsWithin(Duration.ofSeconds(10))
                    .extracting(ExecResult::errorType)
                    .isEqualTo(ErrorType.SANDBOX));
        reporter.publishEntry("noticed after ms", "" + noticed);
        assertThat(sandbox.status()).isIn(SandboxStatus.STOPPED, SandboxStatus.ERROR);
      } else {
        // The guest still runs; what it can do without its file system is its own affair, but it
        // answers.
        reporter.publishEntry("status, and exec", sandbox.status() + " " + sandbox.exec("true"));
      }
      long stopped = millis(sandbox::stop);
      reporter.publishEntry("stopped within ms", "" + stopped);
      assertGone(sandbox.id());
      assertThat(stopped).isLessThan(STOP_WITHIN.toMillis());
    }
  }

  /** The owner dies too: what it cannot end any more goes by the lease, or with the next reap. */
  @ParameterizedTest
  @CsvSource({
    "INSTANCE, folder, GUEST",
    "DIRECT, sif, MONITOR",
    "INSTANCE, sif, MONITOR",
    "INSTANCE, sif, OVERLAY",
    "DIRECT, sif, SQUASHFS",
    "DIRECT, folder, INIT"
  })
  void aKilledProcessAndItsOwnerLeaveNothing(
      String mode, String kind, Victim victim, TestReporter reporter) throws Exception {
    try (CrashRig rig = CrashRig.open();
        LaunchedSandboxes sandboxes = rig.sandboxes()) {
      CrashJvm owner = rig.start("own", mode, image(kind));
      String id = owner.line();
      ProcessHandle.of(victim.pid(id)).orElseThrow().destroyForcibly();
      owner.kill();
      try {
        await().atMost(CrashRig.LEASE.plusSeconds(8)).until(() -> rig.running().isEmpty());
        reporter.publishEntry("by the lease", "all gone");
      } catch (org.awaitility.core.ConditionTimeoutException e) {
        // Helpers of a killed monitor: nobody is left who could end them but the next reap.
        reporter.publishEntry("left after the lease", rig.running().toString());
        assertThat(rig.running())
            .allMatch(line -> line.contains("squashfuse") || line.contains("fuse-overlayfs"));
      }
      List<String> report = sandboxes.reap();
      assertThat(rig.running()).isEmpty();
      assertThat(rig.stored()).as("after a reap that said %s", report).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"INSTANCE, folder", "DIRECT, folder", "INSTANCE, sif"})
  void aFrozenGuestIsSeenAndStopped(String mode, String kind, TestReporter reporter)
      throws Exception {
    try (ApptainerProvider provider = provider(mode)) {
      Sandbox sandbox = provider.create(SandboxSpec.of(image(kind)));
      sandbox.startBackground(Command.shell("exec sleep 1002"));
      new ProcessBuilder("kill", "-STOP", "" + Victim.GUEST.pid(sandbox.id())).start().waitFor();

      long asked = millis(() -> assertThat(sandbox.status()).isEqualTo(SandboxStatus.UNKNOWN));
      // Another sandbox is not held up by it.
      long other =
          millis(() -> {
            try {
              provider.create(SandboxSpec.of(image(kind))).close();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          });
      long stopped = millis(sandbox::stop);
      reporter.publishEntry(
          "ms", "status " + asked + ", another created and stopped " + other + ", stop " + stopped);
      assertGone(sandbox.id());
      assertThat(asked).isLessThan(3500);
      assertThat(stopped).isLessThan(STOP_WITHIN.toMillis());
    }
  }

  @Test
  void aFrozenOrphanIsReaped(TestReporter reporter) throws Exception {
    try (CrashRig rig = CrashRig.open();
        LaunchedSandboxes sandboxes = rig.sandboxes()) {
      CrashJvm owner = rig.start("own", "INSTANCE", image("folder"));
      new ProcessBuilder("kill", "-STOP", "" + Victim.GUEST.pid(owner.line())).start().waitFor();
      owner.kill();
      long at = System.nanoTime();
      List<String> report = sandboxes.reap();
      reporter.publishEntry(
          "reaped after ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - at) + " " + report);
      assertThat(rig.running()).isEmpty();
      assertThat(rig.stored()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"INSTANCE", "DIRECT"})
  void aStartThatTimesOutLeavesNothing(String mode, TestReporter reporter) throws Exception {
    List<String> times = new ArrayList<>();
    try (ApptainerProvider provider = provider(mode)) {
      for (String kind : CrashRig.mountable() ? List.of("folder", "sif") : List.of("folder")) {
        for (int ready : List.of(1, 1, 5, 10, 20, 20, 40, 60, 100, 100)) {
          long at = System.nanoTime();
          String id = null;
          try (Sandbox quick =
              provider.create(
                  SandboxSpec.of(image(kind)).toBuilder()
                      .readyTimeout(Duration.ofMillis(ready))
                      .build())) {
            id = quick.id();
          } catch (CreateException e) {
            id = e.sandboxId();
            times.add(ready + ":" + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - at));
          }
          assertGone(id);
        }
      }
    }
    reporter.publishEntry("ready timeout : ms until the exception", times.toString());
    assertThat(times).isNotEmpty();
    assertThat(times).allMatch(time -> Long.parseLong(time.replaceAll(".*:", "")) < 8000);
  }

  @Test
  void aStartThatFailsLeavesNothing() throws Exception {
    try (ApptainerProvider provider = provider("INSTANCE")) {
      assertThatThrownBy(() -> provider.create(SandboxSpec.of("/etc/hostname")))
          .isInstanceOfSatisfying(
              CreateException.class,
              e -> {
                if (e.sandboxId() != null) {
                  assertGone(e.sandboxId());
                }
              });
    }
  }
}
