package dev.berth.fargate;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxProvider;
import dev.berth.testkit.HostProcesses;
import dev.berth.testkit.SandboxContract;
import dev.berth.testkit.Trait;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/** The contract, in tasks of the rig. Its children find the rig by system properties. */
@Tag("rig")
@Tag("root")
@ExtendWith(RigExtension.class)
class FargateContractIT implements SandboxContract {
  private static final Duration TASK_ENDS_WITHIN = Duration.ofSeconds(20);

  private static FargateRig rig;

  @BeforeAll
  static void openRig() {
    rig = RigExtension.rig();
  }

  @AfterAll
  static void endAll() throws InterruptedException {
    rig.proxy().endAll();
  }

  @Override
  public SandboxProvider open() {
    FargateRig.useFrom();
    return new FargateProvider(FargateRig.execServer().build());
  }

  @Override
  public SandboxSpec spec() {
    return SandboxSpec.of(FargateRig.MAIN_IMAGE);
  }

  @Override
  public Set<Trait> traits() {
    return EnumSet.of(
        Trait.ISOLATED,
        Trait.ROOT_USER,
        Trait.ANY_USER,
        Trait.ENDPOINTS,
        Trait.TERMINALS,
        Trait.RECONNECT);
  }

  @Override
  public void kill(Sandbox sandbox) {
    String arn = sandbox.ability(FargateTask.class).orElseThrow().taskArn();
    RigTask task =
        rig.proxy().tasks().stream().filter(t -> t.arn().equals(arn)).findFirst().orElseThrow();
    rig.podman().run("kill", "-s", "KILL", task.container("main").container());
  }

  /**
   * What is still owned or still asked for counts at once. A task that was told to end takes its
   * time for that, as it does in AWS.
   */
  @Override
  public List<String> leftovers(String id) throws Exception {
    long deadline = System.nanoTime() + TASK_ENDS_WITHIN.toNanos();
    while (true) {
      List<String> found = new ArrayList<>();
      StateHome.ofEnvironment().find(id).ifPresent(folder -> found.add("folder " + folder.path()));
      rig.running().stream()
          .filter(task -> task.names(id))
          .forEach(task -> found.add("task " + task.arn()));
      List<String> ending = HostProcesses.naming(id);
      if (!found.isEmpty() || ending.isEmpty() || System.nanoTime() - deadline > 0) {
        found.addAll(ending);
        return found;
      }
      Thread.sleep(50);
    }
  }
}
