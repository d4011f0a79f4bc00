package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.SandboxStatus;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The way to a task breaks while a command speaks: nothing is lost, and nothing is run twice. */
@Tag("rig")
@Tag("root")
@ExtendWith({RigExtension.class, NothingLeft.class})
@Timeout(120)
class FargateLinkIT {
  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  private static FargateProvider provider() {
    return new FargateProvider(FargateRig.execServer().build());
  }

  /** A command that says a line ten times a second, once it has begun to speak. */
  private static FutureTask<ExecResult> running(Sandbox sandbox, int lines) throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    String line =
        "echo run >>/tmp/runs; i=0; while [ $i -lt "
            + lines
            + " ]; do echo $i; i=$((i+1)); sleep 0.1; done; exit 7";
    FutureTask<ExecResult> call =
        new FutureTask<>(
            () -> sandbox.exec(dev.berth.Command.shell(line), (out, bytes) -> begun.countDown()));
    Thread.ofVirtual().start(call);
    assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
    return call;
  }

  /** All of it came, in order, and it was run once. */
  private static void assertWhole(Sandbox sandbox, FutureTask<ExecResult> call, int lines)
      throws Exception {
    ExecResult result = call.get(80, TimeUnit.SECONDS);
    assertThat(result.returnCode()).as("%s", result).isEqualTo(7);
    assertThat(result.stdout())
        .isEqualTo(IntStream.range(0, lines).mapToObj(i -> i + "\n").collect(Collectors.joining()));
    assertThat(sandbox.exec("cat /tmp/runs").stdout()).as("it ran once").isEqualTo("run\n");
  }

  @Test
  void aCutOfThreeSecondsLosesNothing() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      FutureTask<ExecResult> call = running(sandbox, 60);
      rig.task(sandbox).network().cut();
      TimeUnit.SECONDS.sleep(3); // The cut itself, not a wait for anything.
      rig.task(sandbox).network().mend();

      assertWhole(sandbox, call, 60);
    }
  }

  @Test
  void aCutOfThirtySecondsLosesNothing() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      // One that goes on, and one that ends while nobody can hear it.
      FutureTask<ExecResult> longer = running(sandbox, 320);
      FutureTask<ExecResult> shorter =
          new FutureTask<>(() -> sandbox.exec("sleep 8; echo x >>/tmp/short; echo done"));
      Thread.ofVirtual().start(shorter);
      await().until(() -> sandbox.processes().size() == 2);
      rig.task(sandbox).network().cut();
      TimeUnit.SECONDS.sleep(30); // The cut itself, not a wait for anything.
      rig.task(sandbox).network().mend();

      assertThat(shorter.get(60, TimeUnit.SECONDS).stdout()).isEqualTo("done\n");
      assertThat(sandbox.exec("cat /tmp/short").stdout()).isEqualTo("x\n");
      assertWhole(sandbox, longer, 320);
    }
  }

  private static List<ProcessHandle> inSidecar(Sandbox sandbox, String text) throws Exception {
    return Processes.below(rig.task(sandbox).container(TaskDefinitions.SIDECAR).pid(), text);
  }

  @Test
  void aKilledSessionHeals() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      FutureTask<ExecResult> call = running(sandbox, 30);
      for (int i = 0; i < 2; i++) {
        List<ProcessHandle> sessions = inSidecar(sandbox, "sshd: root");
        assertThat(sessions).isNotEmpty();
        sessions.forEach(ProcessHandle::destroyForcibly);
        assertThat(sandbox.exec("echo between").stdout()).isEqualTo("between\n");
      }
      assertWhole(sandbox, call, 30);
    }
  }

  @Test
  void aKilledSshdEndsTheTaskAndThatIsSaid() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      FutureTask<ExecResult> call = running(sandbox, 1000);
      List<ProcessHandle> listener = inSidecar(sandbox, "sshd -D");
      assertThat(listener).isNotEmpty();
      listener.forEach(ProcessHandle::destroyForcibly);
      inSidecar(sandbox, "sshd: root").forEach(ProcessHandle::destroyForcibly);

      ExecResult result = call.get(60, TimeUnit.SECONDS);
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.exit().detail()).contains("EssentialContainerExited");
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.STOPPED);
      assertThat(sandbox.exec("true").errorType()).isEqualTo(ErrorType.SANDBOX);
    }
  }

  @Test
  void statusIsUnknownWhileEcsDoesNotAnswer() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.RUNNING);
      rig.faults()
          .next("DescribeTasks", Faults.Call.DENIED, Faults.Call.DENIED, Faults.Call.DENIED);
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.UNKNOWN);
      assertThat(sandbox.exec("echo still").stdout()).isEqualTo("still\n");
    }
  }

  @Test
  void aTaskThatAwsTakesAwayIsALostSandboxThatSaysWhy() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      FutureTask<ExecResult> call = running(sandbox, 1000);
      rig.task(sandbox).interrupt();

      ExecResult result = call.get(30, TimeUnit.SECONDS);
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.exit().detail()).as("its guest's own last word").isNotEmpty();
      FargateTask task = sandbox.ability(FargateTask.class).orElseThrow();
      assertThat(task.describeTask().stopReason()).contains("SpotInterruption");
    }
  }
}
