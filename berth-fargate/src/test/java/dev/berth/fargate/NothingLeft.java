package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.core.state.StateHome;
import java.time.Duration;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * After each test: no task of its runs or was forgotten, no sandbox is noted, no thread of Berth's
 * or of AWS's is left, and no task definition but such as the next clearing takes away. Then the
 * rig is as new.
 */
final class NothingLeft implements AfterEachCallback {
  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    FargateRig rig = RigExtension.rig();
    try {
      // In a thread of its own a task is ended whose creation was interrupted.
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() -> assertThat(rig.running()).as("tasks that run").isEmpty());
      assertThat(StateHome.ofEnvironment().list())
          .as("sandboxes that are noted")
          .noneMatch(folder -> folder.provider().equals(FargateProvider.NAME));
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(() -> assertThat(Threads.ofBerth()).as("threads").isEmpty());
    } finally {
      rig.proxy().endAll();
      rig.faults().clear();
    }
    noDefinition(rig);
  }

  private static void noDefinition(FargateRig rig) throws InterruptedException {
    rig.proxy().definitionAge(Duration.ofHours(2));
    try (FargateProvider provider = new FargateProvider(FargateRig.execServer().build())) {
      provider.reap();
      assertThat(rig.proxy().active())
          .as("task definitions")
          .noneMatch(arn -> arn.contains("/ecs-sandbox-"));
    } finally {
      rig.proxy().definitionAge(Duration.ZERO);
    }
  }
}
