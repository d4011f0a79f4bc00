package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.Volume;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import software.amazon.awssdk.services.ecs.model.Compatibility;
import software.amazon.awssdk.services.ecs.model.NetworkMode;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the configuration asks of ECS beyond the usual: what is sent, and what it does. */
@Tag("rig")
@Tag("root")
@ExtendWith({RigExtension.class, NothingLeft.class})
@Timeout(120)
class FargateRequestIT {
  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  /** The last call of this operation. */
  private static JsonNode sent(String operation) {
    String body =
        rig.proxy().bodies().stream()
            .filter(text -> text.startsWith(operation + " "))
            .reduce((first, last) -> last)
            .orElseThrow();
    return JsonMapper.shared().readTree(body.substring(operation.length() + 1));
  }

  @Test
  void aBaseDefinitionIsTheGroundAndStaysAsItIs() throws Exception {
    String base;
    try (Aws aws = new Aws(FargateRig.REGION)) {
      base =
          aws.ecs()
              .registerTaskDefinition(ask ->
                  ask.family("rig-base")
                      .networkMode(NetworkMode.AWSVPC)
                      .requiresCompatibilities(Compatibility.FARGATE)
                      .cpu("512")
                      .memory("1024")
                      .taskRoleArn("arn:aws:iam::123456789012:role/base-task")
                      .executionRoleArn("arn:aws:iam::123456789012:role/base-execution")
                      .volumes(volume -> volume.name("scratch"))
                      .containerDefinitions(
                          helper ->
                              helper
                                  .name("helper")
                                  .image(FargateRig.MAIN_IMAGE)
                                  .essential(false)
                                  .mountPoints(
                                      m -> m.sourceVolume("scratch").containerPath("/scratch"))
                                  .command("sh", "-c", "echo helper >/scratch/word; sleep 1000"),
                          main ->
                              main.name("main")
                                  .image(FargateRig.MAIN_IMAGE)
                                  .entryPoint("/not/there")
                                  .command("ignored")
                                  .user("65534")
                                  .environment(
                                      TaskDefinitions.pair("A", "base"),
                                      TaskDefinitions.pair("B", "base"))
                                  .mountPoints(
                                      m -> m.sourceVolume("scratch").containerPath("/scratch"))))
              .taskDefinition()
              .taskDefinitionArn();
      FargateConfig config =
          FargateRig.execServer()
              .taskDefinition("rig-base")
              .taskRoleArn("arn:aws:iam::123456789012:role/own-task")
              .extraEnv(Map.of("B", "own"))
              .build();
      try (FargateProvider provider = new FargateProvider(config);
          Sandbox sandbox = provider.create(SandboxSpec.builder().build())) {
        await()
            .atMost(Duration.ofSeconds(30))
            .untilAsserted(() ->
                assertThat(sandbox.exec("cat /scratch/word; echo $A $B $(id -u)").stdout())
                    .isEqualTo("helper\nbase own 0\n"));
      }
      JsonNode made = sent("RegisterTaskDefinition");
      assertThat(made.path("containerDefinitions"))
          .extracting(container -> container.path("name").asString(""))
          .containsExactly("main", "helper", TaskDefinitions.SIDECAR);
      assertThat(made.path("taskRoleArn").asString("")).endsWith("role/own-task");
      assertThat(made.path("executionRoleArn").asString("")).endsWith("role/base-execution");
      assertThat(made.path("cpu").asString("")).as("the configuration's size").isEqualTo("256");
      assertThat(sent("RunTask").path("taskDefinition").asString("")).isNotEqualTo(base);
      assertThat(
              aws.ecs()
                  .describeTaskDefinition(ask -> ask.taskDefinition("rig-base"))
                  .taskDefinition()
                  .taskDefinitionArn())
          .isEqualTo(base);
    }
  }

  @Test
  void aBaseDefinitionThatIsNotThereIsSaid() {
    assertThat(Failures.of(FargateRig.execServer().taskDefinition("rig-absent").build()))
        .hasMessageContaining("read the task definition rig-absent");
    assertThat(rig.faults().count("RunTask")).isZero();
  }

  /**
   * The rig has a volume for each file system that lasts: it is no NFS, and knows no permissions.
   */
  @Test
  void efsVolumesAreMountedAndOutliveTheTask() throws Exception {
    FargateConfig config =
        FargateRig.execServer().efsFilesystemId("fs-0one").efsAccessPointId("fsap-0one").build();
    SandboxSpec spec =
        FargateRig.SPEC.toBuilder()
            .volume(new Volume(null, "/data", false, "fs-0two", null))
            .volume(new Volume(null, "/seen", true, "fs-0two", null))
            .build();
    try (FargateProvider provider = new FargateProvider(config)) {
      try (Sandbox sandbox = provider.create(spec)) {
        assertThat(sandbox.exec("echo one >/efs/word; echo two >/data/word").ok()).isTrue();
        assertThat(sandbox.exec("cat /seen/word; echo x >/seen/word || echo refused").stdout())
            .isEqualTo("two\nrefused\n");
      }
      try (Sandbox sandbox = provider.create(spec)) {
        assertThat(sandbox.exec("cat /efs/word /data/word").stdout()).isEqualTo("one\ntwo\n");
      }
    }
    JsonNode volumes = sent("RegisterTaskDefinition").path("volumes");
    JsonNode first = volumes.path(1).path("efsVolumeConfiguration");
    assertThat(first.path("fileSystemId").asString("")).isEqualTo("fs-0one");
    assertThat(first.path("transitEncryption").asString("")).isEqualTo("ENABLED");
    assertThat(first.path("authorizationConfig").path("accessPointId").asString(""))
        .isEqualTo("fsap-0one");
    JsonNode second = volumes.path(2).path("efsVolumeConfiguration");
    assertThat(second.path("fileSystemId").asString("")).isEqualTo("fs-0two");
    assertThat(second.path("transitEncryption").asString("")).isEqualTo("ENABLED");
    assertThat(second.has("authorizationConfig")).isFalse();
  }

  @Test
  void aTaskWithAPublicAddressIsReachedByIt() throws Exception {
    try (FargateProvider provider =
            new FargateProvider(FargateRig.execServer().assignPublicIp(true).build());
        Sandbox sandbox = provider.create(FargateRig.SPEC)) {
      assertThat(sandbox.ability(FargateTask.class).orElseThrow().taskIp())
          .startsWith("198.51.100.");
      assertThat(sandbox.exec("echo out there").stdout()).isEqualTo("out there\n");
    }
    assertThat(network("assignPublicIp").asString("")).isEqualTo("ENABLED");
    rig.proxy().publicAddresses().hide(true);
    try {
      assertThat(Failures.of(FargateRig.execServer().assignPublicIp(true).build()))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("has no public address although assign_public_ip is set");
    } finally {
      rig.proxy().publicAddresses().hide(false);
    }
  }

  private static JsonNode network(String key) {
    return sent("RunTask").path("networkConfiguration").path("awsvpcConfiguration").path(key);
  }

  @Test
  void thePlatformsVersionIsSaidOnlyIfItIsSet() throws Exception {
    try (FargateProvider provider = new FargateProvider(FargateRig.execServer().build())) {
      provider.create(FargateRig.SPEC).close();
    }
    assertThat(sent("RunTask").has("platformVersion")).isFalse();
    assertThat(network("assignPublicIp").asString("")).isEqualTo("DISABLED");
    try (FargateProvider provider =
        new FargateProvider(FargateRig.execServer().platformVersion("1.4.0").build())) {
      provider.create(FargateRig.SPEC).close();
    }
    assertThat(sent("RunTask").path("platformVersion").asString("")).isEqualTo("1.4.0");
  }
}
