package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.spi.ConfigSection;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FargateConfigTest {
  private static FargateConfig read(Map<String, ?> values) {
    return FargateConfig.read(ConfigSection.of("sandbox.ecs_fargate", values));
  }

  @Test
  void nothingSaidIsTheDefaults() {
    FargateConfig config = read(Map.of());
    assertThat(config).isEqualTo(FargateConfig.builder().build());
    assertThat(config.cpu()).isEqualTo(4096);
    assertThat(config.memory()).isEqualTo(8192);
    assertThat(config.containerName()).isEqualTo("main");
    assertThat(config.taskDefinitionFamilyPrefix()).isEqualTo("ecs-sandbox");
    assertThat(config.maxTaskLifetime()).isEqualTo(Duration.ofSeconds(14400));
    assertThat(config.startupTimeout()).isEqualTo(Duration.ofSeconds(300));
    assertThat(config.pollInterval()).isEqualTo(Duration.ofSeconds(2));
    assertThat(config.runTaskMaxRetries()).isEqualTo(30);
    assertThat(config.codebuildComputeType()).isEqualTo("BUILD_GENERAL1_MEDIUM");
    assertThat(config.codebuildBuildTimeout()).isEqualTo(Duration.ofMinutes(30));
    assertThat(config.buildParallelism()).isEqualTo(50);
    assertThat(config.autoMirror()).isTrue();
    assertThat(config.ssmProject()).isEqualTo("harbor");
  }

  @Test
  void everyKeyIsRead() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("region", "us-west-2");
    all.put("cluster", "c");
    all.put("subnets", List.of("subnet-1", "subnet-2"));
    all.put("security_groups", List.of("sg-1"));
    all.put("assign_public_ip", true);
    all.put("task_definition", "base:3");
    all.put("task_definition_family_prefix", "mine");
    all.put("image_template", "r/x:{task_id}");
    all.put("container_name", "box");
    all.put("container_port", 8000);
    all.put("cpu", "512");
    all.put("memory", 1024);
    all.put("ephemeral_storage_gib", 40);
    all.put("platform_version", "1.4.0");
    all.put("execution_role_arn", "arn:e");
    all.put("task_role_arn", "arn:t");
    all.put("extra_env", Map.of("A", "1"));
    all.put("log_group", "/g");
    all.put("log_stream_prefix", "p");
    all.put("max_task_lifetime_sec", 60);
    all.put("startup_timeout_sec", 61.5);
    all.put("poll_interval_sec", 0.5);
    all.put("run_task_max_retries", 3);
    all.put(
        "ssh_sidecar",
        Map.of(
            "sshd_port",
            2200,
            "ssh_ready_timeout_sec",
            7,
            "public_key_secret_arn",
            "arn:pub",
            "private_key_secret_arn",
            "arn:priv",
            "image",
            "r/ssh:1",
            "exec_server_port",
            19542));
    all.put("s3_bucket", "b");
    all.put("s3_prefix", "s");
    all.put("ecr_repository", "e");
    all.put("environment_dir", "/d");
    all.put("codebuild_project", "cp");
    all.put("codebuild_service_role", "cr");
    all.put("codebuild_compute_type", "BUILD_GENERAL1_SMALL");
    all.put("codebuild_build_timeout", 20);
    all.put("dockerhub_secret_arn", "arn:d");
    all.put("build_parallelism", 5);
    all.put("efs_filesystem_id", "fs-1");
    all.put("efs_access_point_id", "fsap-1");
    all.put("auto_mirror", false);
    all.put("ssm_project", "other");

    FargateConfig config = read(all);

    assertThat(config)
        .isEqualTo(
            FargateConfig.builder()
                .region("us-west-2")
                .cluster("c")
                .subnets(List.of("subnet-1", "subnet-2"))
                .securityGroups(List.of("sg-1"))
                .assignPublicIp(true)
                .taskDefinition("base:3")
                .taskDefinitionFamilyPrefix("mine")
                .imageTemplate("r/x:{task_id}")
                .containerName("box")
                .containerPort(8000)
                .cpu(512)
                .memory(1024)
                .ephemeralStorageGib(40)
                .platformVersion("1.4.0")
                .executionRoleArn("arn:e")
                .taskRoleArn("arn:t")
                .extraEnv(Map.of("A", "1"))
                .logGroup("/g")
                .logStreamPrefix("p")
                .maxTaskLifetime(Duration.ofSeconds(60))
                .startupTimeout(Duration.ofMillis(61500))
                .pollInterval(Duration.ofMillis(500))
                .runTaskMaxRetries(3)
                .sshSidecar(
                    new SshSidecarConfig(
                        2200, Duration.ofSeconds(7), "arn:pub", "arn:priv", "r/ssh:1", 19542))
                .s3Bucket("b")
                .s3Prefix("s")
                .ecrRepository("e")
                .environmentDir("/d")
                .codebuildProject("cp")
                .codebuildServiceRole("cr")
                .codebuildComputeType("BUILD_GENERAL1_SMALL")
                .codebuildBuildTimeout(Duration.ofMinutes(20))
                .dockerhubSecretArn("arn:d")
                .buildParallelism(5)
                .efsFilesystemId("fs-1")
                .efsAccessPointId("fsap-1")
                .autoMirror(false)
                .ssmProject("other")
                .build());
    assertThat(config.toBuilder().build()).isEqualTo(config);
    assertThat(all.keySet()).hasSize(FargateConfig.class.getRecordComponents().length);
  }

  @Test
  void anUnknownKeyIsRefused() {
    assertThatThrownBy(() -> read(Map.of("regoin", "x")))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("regoin")
        .hasMessageContaining("region");
    assertThatThrownBy(() -> read(Map.of("ssh_sidecar", Map.of("port", 1))))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("ssh_sidecar.port");
  }

  @ParameterizedTest
  @CsvSource({
    "256, 512",
    "256, 1024",
    "256, 2048",
    "512, 1024",
    "512, 4096",
    "1024, 2048",
    "1024, 8192",
    "2048, 4096",
    "2048, 16384",
    "4096, 8192",
    "4096, 30720",
    "8192, 16384",
    "8192, 61440",
    "16384, 32768",
    "16384, 122880"
  })
  void whatFargateHasIsTaken(int cpu, int memory) {
    assertThat(FargateConfig.builder().cpu(cpu).memory(memory).build().memory()).isEqualTo(memory);
  }

  @ParameterizedTest
  @CsvSource({
    "256, 4096, '512, 1024 or 2048'",
    "256, 1536, '512, 1024 or 2048'",
    "512, 512, '1024 to 4096 in steps of 1024'",
    "1024, 2500, '2048 to 8192 in steps of 1024'",
    "4096, 31744, '8192 to 30720'",
    "8192, 17408, '16384 to 61440 in steps of 4096'",
    "16384, 122881, '32768 to 122880 in steps of 8192'",
    "300, 512, '256 (memory 512, 1024 or 2048)'",
    "0, 0, '256 (memory'"
  })
  void whatFargateHasNotIsRefusedWithWhatItHas(int cpu, int memory, String allowed) {
    assertThatThrownBy(() -> FargateConfig.builder().cpu(cpu).memory(memory).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(allowed);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 20, 201})
  void storageOutOfRangeIsRefused(int gib) {
    assertThatThrownBy(() -> FargateConfig.builder().ephemeralStorageGib(gib).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("21 to 200");
  }

  @Test
  void subnetsWithoutSecurityGroupsAreRefused() {
    assertThatThrownBy(() -> FargateConfig.builder().subnets(List.of("subnet-1")).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("security_groups");
  }

  @Test
  void agentServerModeNeedsAContainerPort() {
    assertThatThrownBy(() -> read(Map.of("ssh_sidecar", Map.of())))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("container_port")
        .hasMessageContaining("exec_server_port");
    assertThat(read(Map.of("ssh_sidecar", Map.of(), "container_port", 8000)).agentServer())
        .isTrue();
  }

  @Test
  void aSpecsResourcesTakeTheConfigurationsPlace() {
    FargateConfig config = FargateConfig.builder().build();
    assertThat(TaskSize.of(config, new SandboxResources(0.5, 2048L, 15L, null, null)))
        .isEqualTo(new TaskSize(512, 2048, null));
    assertThat(TaskSize.of(config, new SandboxResources(null, null, 30L, 0, null)))
        .isEqualTo(new TaskSize(4096, 8192, 30));
    assertThatThrownBy(() -> TaskSize.of(config, new SandboxResources(null, null, null, 1, null)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("GPU");
    assertThatThrownBy(() -> TaskSize.of(config, new SandboxResources(0.3, null, null, null, null)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("256 (memory");
    assertThatThrownBy(
            () -> TaskSize.of(config, new SandboxResources(null, null, 500L, null, null)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("21 to 200");
  }

  @Test
  void oneImageIsSaidOnce() {
    FargateConfig.Builder place =
        FargateConfig.builder()
            .region("nowhere-1")
            .cluster("c")
            .subnets(List.of("subnet-1"))
            .securityGroups(List.of("sg-1"));
    refused(
        place.build(),
        SandboxSpec.builder().image("x").environmentDir("/e").build(),
        "name one of the two");
    refused(
        place.environmentDir("/e").imageTemplate("r:1").build(),
        SandboxSpec.builder().build(),
        "set one of the two");
    refused(
        place.build(),
        SandboxSpec.builder().image("x").providerOption("force_build", List.of("yes")).build(),
        "true or false");
    refused(
        place.build(),
        SandboxSpec.builder().image("x").providerOption("forse_build", List.of("true")).build(),
        "knows only task_id and force_build");
    assertThatThrownBy(
            () -> ImageBuilder.ensureImageBuilt(FargateConfig.builder().build(), "e", false))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("environment_dir");
  }

  @Test
  void whatIsBuiltIsNamedByItsTaskOrElseByItsFolder() {
    FargateConfig config = FargateConfig.builder().environmentDir("/a/tasks/one/").build();
    SandboxSpec.Builder spec = SandboxSpec.builder();
    assertThat(ImageChoice.of(config, spec.build()).name()).isEqualTo("one");
    assertThat(ImageChoice.of(config, spec.environmentDir("/b").build()).name()).isEqualTo("b");
    spec.providerOption("task_id", List.of("t-1")).providerOption("force_build", List.of("true"));
    assertThat(ImageChoice.of(config, spec.build()).name()).isEqualTo("t-1");
    assertThat(ImageChoice.of(config, spec.build()).force()).isTrue();
    assertThat(ImageChoice.of(config, SandboxSpec.of("docker://x:1")).reference()).isEqualTo("x:1");
  }

  @Test
  void whatCodeBuildHasNotIsRefused() {
    assertThatThrownBy(() -> read(Map.of("codebuild_compute_type", "BUILD_LAMBDA_1GB")))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("BUILD_GENERAL1_XLARGE");
    assertThatThrownBy(
            () -> FargateConfig.builder().codebuildBuildTimeout(Duration.ofMinutes(4)).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("5 to 2160");
  }

  private static void refused(FargateConfig config, SandboxSpec spec, String why) {
    try (FargateProvider provider = new FargateProvider(config)) {
      assertThatThrownBy(() -> provider.create(spec))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining(why);
    }
  }

  @Test
  void discoveryFillsWhatIsOpenAndNothingElse() {
    FargateConfig config =
        FargateConfig.builder()
            .region("r")
            .logGroup("own")
            .subnets(List.of("subnet-own"))
            .securityGroups(List.of("sg-own"))
            .sshSidecar(SshSidecarConfig.DEFAULT.withExecServerPort(20000))
            .build();
    FargateConfig found =
        Discovery.merge(
            config,
            """
            {"cluster": "c", "subnets": ["subnet-1"], "security_groups": ["sg-1"],
             "assign_public_ip": true, "execution_role_arn": "arn:e", "log_group": "theirs",
             "s3_bucket": "b", "ecr_repository": "e", "efs_filesystem_id": "fs-1",
             "efs_access_point_id": "fsap-1", "something_else": 1,
             "ssh_sidecar": {"public_key_secret_arn": "arn:pub", "private_key_secret_arn": "arn:priv",
                             "image": "i", "exec_server_port": 1234}}
            """);
    assertThat(found.cluster()).isEqualTo("c");
    assertThat(found.subnets()).containsExactly("subnet-own");
    assertThat(found.securityGroups()).containsExactly("sg-own");
    assertThat(found.assignPublicIp()).isTrue();
    assertThat(found.executionRoleArn()).isEqualTo("arn:e");
    assertThat(found.logGroup()).isEqualTo("own");
    assertThat(found.efsAccessPointId()).isEqualTo("fsap-1");
    assertThat(found.sshSidecar())
        .isEqualTo(
            SshSidecarConfig.DEFAULT
                .withExecServerPort(20000)
                .withSecrets("arn:pub", "arn:priv")
                .withImage("i"));
    assertThatThrownBy(() -> Discovery.merge(config, "{}"))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("/harbor/ecs-sandbox/config");
    assertThatThrownBy(() -> Discovery.merge(config, "no json"))
        .isInstanceOf(RequestException.class);
  }
}
