package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.Sandbox;
import dev.berth.core.state.StateHome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Tasks and definitions that are nobody's are cleared away, and no others. */
@Tag("rig")
@Tag("root")
@ExtendWith({RigExtension.class, NothingLeft.class})
@Timeout(120)
class FargateOrphansIT {
  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  @Test
  void aDefinitionIsMadeOnceAndAgainIfSomebodyTakesItAway() throws Exception {
    try (FargateProvider provider =
        new FargateProvider(FargateRig.execServer().extraEnv(Map.of("ONCE", "1")).build())) {
      int before = rig.faults().count("RegisterTaskDefinition");
      provider.create(FargateRig.SPEC).close();
      provider.create(FargateRig.SPEC).close();
      assertThat(rig.faults().count("RegisterTaskDefinition")).isEqualTo(before + 1);
      try (Aws aws = new Aws(FargateRig.REGION)) {
        for (String arn : aws.ecs().listTaskDefinitions().taskDefinitionArns()) {
          aws.ecs().deregisterTaskDefinition(ask -> ask.taskDefinition(arn));
        }
      }
      provider.create(FargateRig.SPEC).close();
      assertThat(rig.faults().count("RegisterTaskDefinition")).isEqualTo(before + 2);
    }
  }

  @Test
  void definitionsThatNobodyUsesAreDeregistered() throws Exception {
    FargateConfig config = FargateRig.execServer().taskDefinitionFamilyPrefix("to-reap").build();
    try (FargateProvider provider = new FargateProvider(config);
        FargateProvider other =
            new FargateProvider(config.toBuilder().extraEnv(Map.of("A", "1")).build())) {
      other.create(FargateRig.SPEC).close();
      try (Sandbox used = provider.create(FargateRig.SPEC)) {
        assertThat(provider.reap()).as("young ones").noneMatch(l -> l.contains("deregistered"));
        rig.proxy().definitionAge(Duration.ofHours(2));

        assertThat(provider.reap()).filteredOn(line -> line.contains("deregistered")).hasSize(1);
        assertThat(used.isRunning()).isTrue();
        assertThat(provider.reap()).noneMatch(line -> line.contains("deregistered"));
      } finally {
        rig.proxy().definitionAge(Duration.ZERO);
      }
      other.create(FargateRig.SPEC).close();
    }
  }

  @Test
  void tasksThatAreNobodysAreEnded() throws Exception {
    FargateConfig config = FargateRig.execServer().build();
    try (FargateProvider provider = new FargateProvider(config);
        Sandbox sandbox = provider.create(FargateRig.SPEC);
        Place place = Place.of(config)) {
      String definition =
          place
              .definitions()
              .ensure(
                  new TaskDefinitions.Content(
                      FargateRig.MAIN_IMAGE, new TaskSize(256, 512, null), List.of(), List.of()));
      Map<String, String> forgotten =
          place.tags("aaaaaaaaaaaa", FargateRig.SPEC, StateHome.ofEnvironment());
      Map<String, String> overdue =
          Map.of(
              Tasks.ID,
              "bbbbbbbbbbbb",
              Tasks.HOME,
              "another host",
              Tasks.EXPIRES,
              "" + Instant.now().minus(Duration.ofHours(1)).getEpochSecond());
      Map<String, String> another =
          Map.of(
              Tasks.ID,
              "cccccccccccc",
              Tasks.HOME,
              "another host",
              Tasks.EXPIRES,
              "" + Instant.now().plus(Duration.ofHours(1)).getEpochSecond());
      String first = run(place, definition, forgotten);
      String second = run(place, definition, overdue);
      String third = run(place, definition, another);
      String fourth = run(place, definition, Map.of());
      rig.proxy().tasks().forEach(task -> task.age(Duration.ofMinutes(5)));

      List<String> report = provider.reap();

      assertThat(report)
          .anyMatch(line -> line.startsWith(first))
          .anyMatch(l -> l.startsWith(second));
      assertThat(report).noneMatch(line -> line.startsWith(third) || line.startsWith(fourth));
      assertThat(rig.running())
          .extracting(RigTask::arn)
          .contains(third, fourth)
          .doesNotContain(first, second);
      assertThat(sandbox.isRunning()).isTrue();
      place.tasks().stop(third, "over");
      place.tasks().stop(fourth, "over");
    }
  }

  private static String run(Place place, String definition, Map<String, String> tags)
      throws InterruptedException {
    return place
        .tasks()
        .run(
            new Tasks.Start("dddddddddddd", definition, List.of(), tags, new AtomicBoolean()),
            Duration.ofSeconds(30));
  }

  /** Whoever may not stop its task still tells its guest to end, and the task ends with that. */
  @Test
  void aTaskThatMayNotBeStoppedEndsByItself() throws Exception {
    try (FargateProvider provider = new FargateProvider(FargateRig.execServer().build())) {
      Sandbox sandbox = provider.create(FargateRig.SPEC);
      RigTask task = rig.task(sandbox);
      rig.faults().next("StopTask", Faults.Call.DENIED);
      sandbox.close();
      await().atMost(Duration.ofSeconds(30)).until(() -> task.status().equals("STOPPED"));
      provider.reap();
      assertThat(StateHome.ofEnvironment().find(sandbox.id())).isEmpty();
    }
  }
}
