package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.Volume;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ecs.model.ContainerCondition;
import software.amazon.awssdk.services.ecs.model.ContainerDefinition;
import software.amazon.awssdk.services.ecs.model.RegisterTaskDefinitionRequest;
import software.amazon.awssdk.services.ecs.model.TaskDefinition;

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

  private static TaskDefinitions.Content content(@Nullable String image) {
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
    assertThat(request(config().extraEnv(Map.of("A", "1")).build(), content("i")).family())
        .isNotEqualTo(family);
    assertThat(request(config().taskRoleArn("arn:t").build(), content("i")).family())
        .isNotEqualTo(family);
  }

  /** What is hashed: in an order of its own each process would make families of its own. */
  @Test
  void whatIsHashedSaysMapsInOrder() {
    Map<String, String> env = new LinkedHashMap<>();
    for (String name : "ZYXWVUTSRQPONMLKJIHGFEDCBA".split("")) {
      env.put(name, "1");
    }
    ContainerDefinition main =
        request(config().extraEnv(env).build(), content("i")).containerDefinitions().get(0);
    assertThat(main.environment()).extracting("name").isSorted().hasSize(26);
    assertThat(main.logConfiguration().toString())
        .isEqualTo(
            "LogConfiguration(LogDriver=awslogs, Options={awslogs-group=/g, awslogs-region=r,"
                + " awslogs-stream-prefix=ecs-sandbox})");
  }

  @Test
  void aBaseDefinitionIsTheGround() {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("z", "1");
    options.put("a", "2");
    Map<String, String> labels = new LinkedHashMap<>(options);
    ContainerDefinition given =
        ContainerDefinition.builder()
            .name("main")
            .image("theirs")
            .dockerLabels(labels)
            .logConfiguration(logs -> logs.logDriver("splunk").options(options))
            .linuxParameters(linux ->
                linux
                    .initProcessEnabled(true)
                    .maxSwap(7)
                    .capabilities(can -> can.add("SYS_PTRACE", "NET_RAW").drop("MKNOD")))
            .build();
    TaskDefinition base =
        TaskDefinition.builder()
            .containerDefinitions(given, given.toBuilder().name("beside").build())
            .taskRoleArn("arn:base")
            .build();
    RegisterTaskDefinitionRequest made = request(config().logGroup(null).build(), null, base);
    assertThat(made.taskRoleArn()).isEqualTo("arn:base");
    ContainerDefinition main = made.containerDefinitions().get(0);
    assertThat(main.image()).isEqualTo("theirs");
    assertThat(main.logConfiguration().logDriverAsString()).isEqualTo("splunk");
    assertThat(main.logConfiguration().options().keySet()).containsExactly("a", "z");
    assertThat(main.dockerLabels().keySet()).containsExactly("a", "z");
    assertThat(main.linuxParameters().maxSwap()).isEqualTo(7);
    assertThat(main.linuxParameters().initProcessEnabled()).isNull();
    assertThat(main.linuxParameters().capabilities().drop()).containsExactly("MKNOD", "NET_RAW");
    assertThat(main.linuxParameters().capabilities().add()).containsExactly("SYS_PTRACE");
    assertThat(made.containerDefinitions().get(1).linuxParameters())
        .isEqualTo(given.linuxParameters());
    assertThat(
            request(config().build(), null, base)
                .containerDefinitions()
                .get(0)
                .logConfiguration()
                .options())
        .containsEntry("awslogs-group", "/g");
  }

  private static RegisterTaskDefinitionRequest request(
      FargateConfig config, @Nullable String image, TaskDefinition base) {
    try (Aws aws = new Aws("r")) {
      return new TaskDefinitions(config, aws).request(content(image), base);
    }
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
