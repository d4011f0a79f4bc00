package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.ExecResult;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.core.state.StateHome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What goes wrong in AWS ends in success or in one clear error, and leaves nothing. */
@Tag("rig")
@Tag("root")
@ExtendWith(RigExtension.class)
@Timeout(120)
class FargateFaultsIT {
  private static final SandboxSpec SPEC = SandboxSpec.of(FargateRig.MAIN_IMAGE);
  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
    rig.logGroup("/berth/rig");
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      assertThat(rig.running()).isEmpty();
      assertThat(StateHome.ofEnvironment().list())
          .noneMatch(folder -> folder.provider().equals(FargateProvider.NAME));
    } finally {
      rig.proxy().endAll();
      rig.faults().clear();
    }
  }

  private static FargateProvider provider() {
    return new FargateProvider(FargateRig.execServer().logGroup("/berth/rig").build());
  }

  private static void works() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(SPEC)) {
      assertThat(sandbox.exec("echo well").stdout()).isEqualTo("well\n");
      assertThat(rig.running()).hasSize(1);
    }
  }

  private static SandboxException fails(FargateConfig config) {
    try (FargateProvider provider = new FargateProvider(config)) {
      return org.assertj.core.api.Assertions.catchThrowableOfType(
          SandboxException.class, () -> provider.create(SPEC).close());
    }
  }

  @Test
  void whatPassesIsTriedAgain() throws Exception {
    rig.faults()
        .next(
            "RunTask",
            Faults.Call.THROTTLED_IN_WORDS,
            Faults.Call.NO_CAPACITY,
            Faults.Call.ANSWER_LOST);
    rig.faults().next("DescribeTasks", Faults.Call.THROTTLED, Faults.Call.BROKEN);
    rig.faults().next("RegisterTaskDefinition", Faults.Call.THROTTLED);
    works();
    assertThat(rig.proxy().tasks()).as("no second task was started").hasSize(1);
  }

  @Test
  void whatDoesNotPassIsSaidAtOnce() {
    rig.faults().next("RunTask", Faults.Call.DENIED);
    assertThat(fails(FargateRig.execServer().build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("not authorized to perform: ecs:RunTask");
    rig.faults().next("RunTask", Faults.Call.MISSING);
    assertThat(fails(FargateRig.execServer().build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("ECS says: MISSING");
    assertThat(rig.faults().count("RunTask")).isEqualTo(2);
  }

  @Test
  void patienceHasAnEnd() {
    rig.faults()
        .next(
            "RunTask",
            Faults.Call.NO_CAPACITY,
            Faults.Call.NO_CAPACITY,
            Faults.Call.NO_CAPACITY,
            Faults.Call.NO_CAPACITY);
    assertThat(fails(FargateRig.execServer().runTaskMaxRetries(2).build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("3 times")
        .hasMessageContaining("Capacity is unavailable at this time");
    assertThat(rig.faults().count("RunTask")).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource({
    "NETWORK, Timeout waiting for network interface provisioning",
    "SECRETS, unable to pull secrets or registry auth",
    "IMAGE, CannotPullContainerError",
    "MAIN_DIES, Essential container in task exited"
  })
  void aTaskThatDiesOnItsWayUpSaysWhy(Faults.Start stage, String why) {
    rig.faults().nextStart(stage);
    assertThat(fails(FargateRig.execServer().build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining(why);
  }

  @Test
  void aTasksLastWordsAreInTheError() {
    String noHostKey = rig.secret("no-host-key", "ssh-ed25519 AAAA nobody\n");
    SshSidecarConfig sidecar = FargateRig.sidecar().withExecServerPort(19542);
    assertThat(
            fails(
                FargateRig.place()
                    .logGroup("/berth/rig")
                    .sshSidecar(sidecar.withSecrets(noHostKey, sidecar.privateKeySecretArn()))
                    .build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("ssh-sidecar: exit code 78")
        .hasMessageContaining("the secret of public_key_secret_arn holds no host key");
  }

  @Test
  void anotherHostCannotPoseAsTheSidecar() {
    String other =
        rig.secret(
            "other-host-key",
            rig.privateKey()
                + "ssh-ed25519"
                + " AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n");
    SshSidecarConfig sidecar = FargateRig.sidecar().withExecServerPort(19542);
    assertThat(
            fails(
                FargateRig.place()
                    .sshSidecar(sidecar.withSecrets(sidecar.publicKeySecretArn(), other))
                    .build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("host key");
  }

  @Test
  void aPrivateKeySecretWithoutAHostKeyIsRefused() {
    String bare = rig.secret("bare-key", rig.privateKey());
    SshSidecarConfig sidecar = FargateRig.sidecar().withExecServerPort(19542);
    assertThat(
            fails(
                FargateRig.place()
                    .sshSidecar(sidecar.withSecrets(sidecar.publicKeySecretArn(), bare))
                    .build()))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("public half of the host key")
        .hasMessageNotContaining("BEGIN");
    assertThat(rig.faults().count("RunTask")).isZero();
  }

  @Test
  void aMissingParameterSaysWhatToDo() {
    FargateConfig open =
        FargateConfig.builder().region(FargateRig.REGION).ssmProject("absent").build();
    assertThat(fails(open))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("/absent/ecs-sandbox/config")
        .hasMessageContaining("set cluster, subnets and security_groups");
  }

  @Test
  void aDiscoveredPlaceWorks() throws Exception {
    SshSidecarConfig sidecar = FargateRig.sidecar();
    rig.parameter(
        "/harbor/ecs-sandbox/config",
        """
        {"cluster": "%s", "subnets": ["%s"], "security_groups": ["%s"],
         "ssh_sidecar": {"public_key_secret_arn": "%s", "private_key_secret_arn": "%s",
                         "image": "%s", "exec_server_port": 19542}}
        """
            .formatted(
                FargateRig.CLUSTER,
                System.getProperty(FargateRig.SUBNET),
                System.getProperty(FargateRig.GROUP),
                sidecar.publicKeySecretArn(),
                sidecar.privateKeySecretArn(),
                sidecar.image()));
    FargateConfig open =
        FargateConfig.builder().region(FargateRig.REGION).cpu(256).memory(512).build();
    try (FargateProvider provider = new FargateProvider(open);
        Sandbox sandbox = provider.create(SPEC)) {
      assertThat(sandbox.exec("echo found").stdout()).isEqualTo("found\n");
    }
  }

  @Test
  void noSecretIsInWhatAwsStores() throws Exception {
    SandboxSpec spec = SPEC.toBuilder().env("TOKEN", "s3cret-of-the-spec").build();
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(spec)) {
      assertThat(sandbox.exec("echo $TOKEN").stdout()).isEqualTo("s3cret-of-the-spec\n");
      String inside = sandbox.exec("cat /proc/1/environ /proc/1/cmdline; ls /berth").stdout();
      String key = rig.privateKey().lines().skip(1).findFirst().orElseThrow();
      assertThat(rig.proxy().bodies()).isNotEmpty();
      assertThat(String.join("\n", rig.proxy().bodies()))
          .doesNotContain("s3cret-of-the-spec", key, "PRIVATE KEY");
      assertThat(inside).doesNotContain("PRIVATE KEY", "token\n");
      for (RigContainer container : rig.task(sandbox).containers()) {
        assertThat(container.log()).doesNotContain("PRIVATE KEY", "s3cret-of-the-spec");
      }
    }
  }

  @Test
  void aDefinitionIsMadeOnceAndAgainIfSomebodyTakesItAway() throws Exception {
    try (FargateProvider provider =
        new FargateProvider(FargateRig.execServer().extraEnv(Map.of("ONCE", "1")).build())) {
      int before = rig.faults().count("RegisterTaskDefinition");
      provider.create(SPEC).close();
      provider.create(SPEC).close();
      assertThat(rig.faults().count("RegisterTaskDefinition")).isEqualTo(before + 1);
      try (Aws aws = new Aws(FargateRig.REGION)) {
        for (String arn : aws.ecs().listTaskDefinitions().taskDefinitionArns()) {
          aws.ecs().deregisterTaskDefinition(ask -> ask.taskDefinition(arn));
        }
      }
      provider.create(SPEC).close();
      assertThat(rig.faults().count("RegisterTaskDefinition")).isEqualTo(before + 2);
    }
  }

  @Test
  void definitionsThatNobodyUsesAreDeregistered() throws Exception {
    FargateConfig config = FargateRig.execServer().taskDefinitionFamilyPrefix("to-reap").build();
    try (FargateProvider provider = new FargateProvider(config);
        FargateProvider other =
            new FargateProvider(config.toBuilder().extraEnv(Map.of("A", "1")).build())) {
      other.create(SPEC).close();
      try (Sandbox used = provider.create(SPEC)) {
        assertThat(provider.reap()).as("young ones").noneMatch(l -> l.contains("deregistered"));
        rig.proxy().definitionAge(Duration.ofHours(2));

        assertThat(provider.reap()).filteredOn(line -> line.contains("deregistered")).hasSize(1);
        assertThat(used.isRunning()).isTrue();
        assertThat(provider.reap()).noneMatch(line -> line.contains("deregistered"));
      } finally {
        rig.proxy().definitionAge(Duration.ZERO);
      }
      other.create(SPEC).close();
    }
  }

  @Test
  void statusIsUnknownWhileEcsDoesNotAnswer() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(SPEC)) {
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.RUNNING);
      rig.faults()
          .next("DescribeTasks", Faults.Call.DENIED, Faults.Call.DENIED, Faults.Call.DENIED);
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.UNKNOWN);
      assertThat(sandbox.exec("echo still").stdout()).isEqualTo("still\n");
    }
  }

  @Test
  void aCutOfThreeSecondsLosesNothing() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(SPEC)) {
      FutureTask<ExecResult> call =
          new FutureTask<>(() ->
              sandbox.exec("echo x >> /tmp/ran; for i in $(seq 100); do echo $i; sleep 0.1; done"));
      Thread.ofVirtual().start(call);
      await().until(() -> sandbox.processes().size() == 1);
      rig.task(sandbox).network().cut();
      TimeUnit.SECONDS.sleep(3);
      rig.task(sandbox).network().mend();

      ExecResult result = call.get(60, TimeUnit.SECONDS);
      assertThat(result.errorType()).isNull();
      assertThat(result.stdout().lines()).hasSize(100);
      assertThat(sandbox.exec("cat /tmp/ran").stdout()).as("it ran once").isEqualTo("x\n");
    }
  }

  @Test
  void aTaskThatAwsTakesAwayIsALostSandboxThatSaysWhy() throws Exception {
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(SPEC)) {
      FutureTask<ExecResult> call = new FutureTask<>(() -> sandbox.exec("sleep 100"));
      Thread.ofVirtual().start(call);
      await().until(() -> sandbox.processes().size() == 1);
      rig.task(sandbox).interrupt();

      ExecResult result = call.get(30, TimeUnit.SECONDS);
      assertThat(result.errorType()).isEqualTo(dev.berth.ErrorType.SANDBOX);
      FargateTask task = sandbox.ability(FargateTask.class).orElseThrow();
      assertThat(task.describeTask().stopReason()).contains("SpotInterruption");
    }
  }

  @Test
  void tasksThatAreNobodysAreEnded() throws Exception {
    FargateConfig config = FargateRig.execServer().build();
    try (FargateProvider provider = provider();
        Sandbox sandbox = provider.create(SPEC);
        Place place = Place.of(config)) {
      String definition =
          place
              .definitions()
              .ensure(
                  new TaskDefinitions.Content(
                      FargateRig.MAIN_IMAGE, new TaskSize(256, 512, null), List.of(), List.of()));
      Map<String, String> forgotten = place.tags("aaaaaaaaaaaa", SPEC, StateHome.ofEnvironment());
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
        .run(new Tasks.Start("dddddddddddd", definition, List.of(), tags), Duration.ofSeconds(30));
  }

  @Test
  void theDoctorSaysWhatIsMissing() throws Exception {
    assertThat(new FargateDoctor(FargateRig.place().cluster("absent").build()).examine())
        .anyMatch(finding ->
            finding.level() == dev.berth.spi.Finding.Level.FAILURE
                && finding.subject().equals("cluster")
                && finding.observation().contains("absent"))
        .anyMatch(finding ->
            finding.level() == dev.berth.spi.Finding.Level.FAILURE
                && finding.subject().equals("ssh_sidecar"));
    assertThatThrownBy(
            () -> new FargateFactory().examine(dev.berth.spi.ConfigSection.of("x", Map.of("a", 1))))
        .isInstanceOf(RequestException.class);
  }
}
