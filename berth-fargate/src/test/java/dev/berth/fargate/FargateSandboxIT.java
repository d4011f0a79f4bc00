package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A sandbox in a task, from its start to its end. */
@Tag("rig")
@Tag("root")
@ExtendWith({RigExtension.class, NothingLeft.class})
class FargateSandboxIT {
  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  @Test
  void aCommandRunsInATask() throws Exception {
    long began = System.nanoTime();
    try (FargateProvider provider = new FargateProvider(FargateRig.execServer().build());
        Sandbox sandbox = provider.create(SandboxSpec.of(FargateRig.MAIN_IMAGE))) {
      System.out.println("up after " + (System.nanoTime() - began) / 1000000 + " ms");
      assertThat(sandbox.exec("echo $(id -u) hello").stdout()).isEqualTo("0 hello\n");
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.RUNNING);
      FargateTask task = sandbox.ability(FargateTask.class).orElseThrow();
      assertThat(task.describeTask().status()).isEqualTo("RUNNING");
      assertThat(rig.running()).hasSize(1);
      assertThat(provider.list()).anyMatch(s -> s.id().equals(sandbox.id()));

      sandbox.stop();
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.STOPPED);
      assertThat(rig.running()).isEmpty();
      assertThat(provider.list()).noneMatch(s -> s.id().equals(sandbox.id()));
    }
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> rig.proxy().tasks().stream().allMatch(t -> t.status().equals("STOPPED")));
  }
}
