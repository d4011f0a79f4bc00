package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.config.ConfigFile;
import dev.berth.core.state.StateHome;
import dev.berth.spi.Finding;
import dev.berth.spi.SandboxProvider;
import dev.berth.testkit.SandboxContract;
import dev.berth.testkit.Trait;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/**
 * The contract in a real account: the tests that {@link FargateContractIT} passes in the rig. It
 * costs money, so it runs only where a configuration file is named for it; credentials that happen
 * to be there are no reason. {@code docs/fargate-rig.md} says how, and what it costs.
 */
@EnabledIfEnvironmentVariable(
    named = "BERTH_AWS_CONFIG",
    matches = ".+",
    disabledReason =
        "no AWS account was named: set BERTH_AWS_CONFIG to a configuration file, see"
            + " docs/fargate-rig.md")
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class RealAccountIT implements SandboxContract {
  private static final Duration TASK_ENDS_WITHIN = Duration.ofMinutes(3);

  private static FargateConfig config() {
    String file = System.getenv("BERTH_AWS_CONFIG");
    ConfigFile.Block block =
        ConfigFile.read(Path.of(file), Set.of(FargateProvider.NAME)).block(null);
    FargateConfig config = FargateConfig.read(block.config());
    if (config.imageTemplate() == null || config.imageTemplate().contains("{task_id}")) {
      throw new IllegalStateException(
          file + " must name the image of the tests as image_template, without {task_id}");
    }
    return config;
  }

  @Override
  public SandboxProvider open() {
    return new FargateProvider(config());
  }

  @Override
  public SandboxSpec spec() {
    return SandboxSpec.builder().image(config().imageTemplate()).build();
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
    try (Place place = Place.of(config())) {
      place
          .aws()
          .ecs()
          .stopTask(ask -> ask.cluster(place.config().cluster()).task(arn).reason("test"));
    }
  }

  /** A task that was told to end takes its time for that. */
  @Override
  public List<String> leftovers(String id) throws Exception {
    long deadline = System.nanoTime() + TASK_ENDS_WITHIN.toNanos();
    try (Place place = Place.of(config())) {
      while (true) {
        List<String> found = new ArrayList<>();
        StateHome.ofEnvironment()
            .find(id)
            .ifPresent(folder -> found.add("folder " + folder.path()));
        place.tasks().of(id).forEach(task -> found.add("task " + task.arn()));
        if (found.isEmpty() || System.nanoTime() - deadline > 0) {
          return found;
        }
        TimeUnit.SECONDS.sleep(3);
      }
    }
  }

  @Test
  void theDoctorFindsNoFault() {
    assertThat(new FargateDoctor(config()).examine())
        .noneMatch(finding -> finding.level() == Finding.Level.FAILURE);
  }
}
