package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.Volume;
import java.util.List;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ecs.model.ContainerCondition;
import software.amazon.awssdk.services.ecs.model.ContainerDefinition;
import software.amazon.awssdk.services.ecs.model.RegisterTaskDefinitionRequest;

class TaskDefinitionsTest {
  private static FargateConfig.Builder config() {
    return FargateConfig.builder()
        .region("r")
        .executionRoleArn("arn:e")
        .logGroup("/g")
        .sshSidecar(
            SshSidecarConfig.DEFAULT
                .withImage("ssh:1")
                .withSecrets("arn:pub", "arn:priv")
                .withExecServerPort(19542));
  }

  private static TaskDefinitions.Content content(String image) {
    return new TaskDefinitions.Content(image, new TaskSize(256, 512, 30), List.of(), List.of());
  }

  private static RegisterTaskDefinitionRequest request(
      FargateConfig config, TaskDefinitions.Content content) {
    try (Aws aws = new Aws("r")) {
      return new TaskDefinitions(config, aws).request(content);
    }
  }

  @Test
  void aDefinitionIsWhatFargateNeeds() {
    RegisterTaskDefinitionRequest made = request(config().build(), content("i"));
    assertThat(made.networkModeAsString()).isEqualTo("awsvpc");
    assertThat(made.requiresCompatibilitiesAsStrings()).containsExactly("FARGATE");
    assertThat(made.cpu()).isEqualTo("256");
    assertThat(made.memory()).isEqualTo("512");
    assertThat(made.ephemeralStorage().sizeInGiB()).isEqualTo(30);
    assertThat(made.taskRoleArn()).isNull();
    ContainerDefinition main = made.containerDefinitions().get(0);
    assertThat(main.name()).isEqualTo("main");
    assertThat(main.entryPoint()).containsExactly("/berth/guest");
    assertThat(main.dependsOn()).hasSize(1);
    assertThat(main.dependsOn().get(0).condition()).isEqualTo(ContainerCondition.HEALTHY);
    assertThat(main.linuxParameters().capabilities().drop()).containsExactly("NET_RAW");
    assertThat(main.logConfiguration().options())
        .containsEntry("awslogs-group", "/g")
        .containsEntry("awslogs-region", "r");
    ContainerDefinition sidecar = made.containerDefinitions().get(1);
    assertThat(sidecar.essential()).isTrue();
    assertThat(sidecar.image()).isEqualTo("ssh:1");
    assertThat(sidecar.healthCheck().command())
        .containsExactly("CMD-SHELL", "test -e /berth/guest");
    assertThat(sidecar.secrets().get(0).valueFrom()).isEqualTo("arn:pub");
    assertThat(sidecar.startTimeout()).isEqualTo(120);
    assertThat(made.toString()).doesNotContain("arn:priv");
  }

  @Test
  void equalContentsHaveOneFamilyAndOthersAnother() {
    String family = request(config().build(), content("i")).family();
    assertThat(family).matches("ecs-sandbox-[0-9a-f]{48}");
    assertThat(request(config().build(), content("i")).family()).isEqualTo(family);
    assertThat(request(config().build(), content("j")).family()).isNotEqualTo(family);
    assertThat(
            request(config().extraEnv(java.util.Map.of("A", "1")).build(), content("i")).family())
        .isNotEqualTo(family);
    assertThat(request(config().taskRoleArn("arn:t").build(), content("i")).family())
        .isNotEqualTo(family);
  }

  @Test
  void inAgentServerModeTheImageKeepsItsEntryPoint() {
    FargateConfig config =
        config()
            .containerPort(8000)
            .sshSidecar(
                SshSidecarConfig.DEFAULT.withImage("ssh:1").withSecrets("arn:pub", "arn:priv"))
            .build();
    RegisterTaskDefinitionRequest made = request(config, content("i"));
    ContainerDefinition main = made.containerDefinitions().get(0);
    assertThat(main.entryPoint()).isEmpty();
    assertThat(main.user()).isNull();
    assertThat(made.containerDefinitions().get(1).healthCheck().command().get(1))
        .contains(":08AE,0A");
  }

  @Test
  void volumesAreEfsOrNothing() {
    TaskDefinitions.Content efs =
        new TaskDefinitions.Content(
            "i",
            new TaskSize(256, 512, null),
            List.of(new Volume(null, "/data", true, "fs-1", "fsap-1")),
            List.of());
    RegisterTaskDefinitionRequest made = request(config().efsFilesystemId("fs-0").build(), efs);
    assertThat(made.volumes()).hasSize(3);
    assertThat(made.containerDefinitions().get(0).mountPoints())
        .extracting("containerPath")
        .containsExactly("/berth", "/efs", "/data");
    TaskDefinitions.Content host =
        new TaskDefinitions.Content(
            "i",
            new TaskSize(256, 512, null),
            List.of(Volume.ofHost("/home", "/data", true)),
            List.of());
    assertThatThrownBy(() -> request(config().build(), host))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("/home");
  }

  @Test
  void withoutAWayInOrAnImageThereIsNoDefinition() {
    assertThatThrownBy(() -> request(config().build(), content(null)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("image_template");
    assertThatThrownBy(() ->
            request(
                FargateConfig.builder()
                    .region("r")
                    .sshSidecar(SshSidecarConfig.DEFAULT.withExecServerPort(20000))
                    .build(),
                content("i")))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("public_key_secret_arn");
  }
}
