package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.FutureTask;
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
@ExtendWith({RigExtension.class, NothingLeft.class})
@Timeout(120)
class FargateFaultsIT {
  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  private static void works() throws Exception {
    FargateConfig config = FargateRig.execServer().logGroup(FargateRig.LOG_GROUP).build();
    try (FargateProvider provider = new FargateProvider(config);
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      assertThat(sandbox.exec("echo well").stdout()).isEqualTo("well\n");
      assertThat(rig.running()).hasSize(1);
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
    rig.faults().next("StopTask", Faults.Call.THROTTLED, Faults.Call.BROKEN);
    works();
    assertThat(rig.proxy().tasks()).as("no second task was started").hasSize(1);
  }

  @Test
  void whatDoesNotPassIsSaidAtOnce() {
    rig.faults().next("RunTask", Faults.Call.DENIED);
    assertThat(Failures.of(FargateRig.execServer().build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("not authorized to perform: ecs:RunTask");
    rig.faults().next("RunTask", Faults.Call.MISSING);
    assertThat(Failures.of(FargateRig.execServer().build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("ECS says: MISSING");
    assertThat(rig.faults().count("RunTask")).isEqualTo(2);
  }

  /** The task runs, but nobody was told. */
  @Test
  void aStartThatIsGivenUpWithoutItsAnswerLeavesNoTask() {
    rig.faults().next("RunTask", Faults.Call.ANSWER_LOST);
    assertThat(Failures.of(FargateRig.execServer().runTaskMaxRetries(0).build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("1 times");
    assertThat(rig.proxy().tasks()).hasSize(1);
    assertThat(rig.running()).isEmpty();
  }

  /** The sandbox comes up for nobody. */
  @Test
  void aProviderThatIsClosedWhileATaskComesUpLeavesNone() throws Exception {
    rig.faults().provisioning(Duration.ofSeconds(2));
    FargateProvider provider = new FargateProvider(FargateRig.execServer().build());
    FutureTask<Sandbox> creation = new FutureTask<>(() -> provider.create(FargateRig.SPEC));
    Thread.ofVirtual().start(creation);
    await().until(() -> !rig.running().isEmpty());
    provider.close();
    assertThatThrownBy(creation::get).hasCauseInstanceOf(IllegalStateException.class);
    assertThat(rig.running()).isEmpty();
    assertThatThrownBy(() -> provider.create(FargateRig.SPEC))
        .isInstanceOf(IllegalStateException.class);
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
    assertThat(Failures.of(FargateRig.execServer().runTaskMaxRetries(2).build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("3 times")
        .hasMessageContaining("Capacity is unavailable at this time");
    assertThat(rig.faults().count("RunTask")).isEqualTo(3);
  }

  @Test
  void throttlingWithoutEndIsSaid() {
    Faults.Call[] all = new Faults.Call[20];
    java.util.Arrays.fill(all, Faults.Call.THROTTLED);
    rig.faults().next("RunTask", all);
    assertThat(Failures.of(FargateRig.execServer().runTaskMaxRetries(1).build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("2 times")
        .hasMessageContaining("Rate exceeded");
  }

  @Test
  void aLateSshdIsWaitedFor() throws Exception {
    rig.faults().nextStart(Faults.Start.SIDECAR_LATE);
    works();
  }

  @Test
  void anSshdThatNeverAnswersIsSaid() {
    rig.faults().nextStart(Faults.Start.SIDECAR_DEAF);
    SshSidecarConfig sidecar =
        FargateRig.sidecar().withExecServerPort(19542).withSshReadyTimeout(Duration.ofSeconds(2));
    assertThat(Failures.of(FargateRig.place().sshSidecar(sidecar).build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("could not be reached by SSH for PT2S");
  }

  @Test
  void aTaskThatNeverHasAnAddressIsGivenUpInTime() {
    rig.faults().provisioning(Duration.ofMinutes(2));
    assertThat(Failures.of(FargateRig.execServer().startupTimeout(Duration.ofSeconds(3)).build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("it has no address after PT3S");
  }

  @Test
  void aMainContainerThatNeverStartsIsGivenUpInTime() {
    rig.faults().nextStart(Faults.Start.MAIN_NEVER);
    assertThat(Failures.of(FargateRig.execServer().startupTimeout(Duration.ofSeconds(6)).build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("its guest did not answer within");
  }

  @ParameterizedTest
  @CsvSource({
    "NETWORK, Timeout waiting for network interface provisioning",
    "SECRETS, unable to pull secrets or registry auth",
    "IMAGE, CannotPullContainerError",
    "SIDECAR_DIES, Essential container in task exited",
    "TAKEN_AWAY, Your Spot Task was interrupted",
    "MAIN_DIES, Essential container in task exited"
  })
  void aTaskThatDiesOnItsWayUpSaysWhy(Faults.Start stage, String why) {
    rig.faults().nextStart(stage);
    assertThat(Failures.of(FargateRig.execServer().build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining(why);
  }

  @Test
  void aTasksLastWordsAreInTheError() {
    String noHostKey = rig.secret("no-host-key", "ssh-ed25519 AAAA nobody\n");
    SshSidecarConfig sidecar = FargateRig.sidecar().withExecServerPort(19542);
    assertThat(
            Failures.of(
                FargateRig.place()
                    .logGroup(FargateRig.LOG_GROUP)
                    .sshSidecar(sidecar.withSecrets(noHostKey, sidecar.privateKeySecretArn()))
                    .build()))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("ssh-sidecar: exit code 78")
        .hasMessageContaining("the secret of public_key_secret_arn holds no host key");
  }

  @Test
  void aMissingParameterSaysWhatToDo() {
    FargateConfig open =
        FargateConfig.builder().region(FargateRig.REGION).ssmProject("absent").build();
    assertThat(Failures.of(open))
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
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      assertThat(sandbox.exec("echo found").stdout()).isEqualTo("found\n");
    }
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
