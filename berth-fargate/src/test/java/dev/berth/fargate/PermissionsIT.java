package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.CreateException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

/**
 * The policies of {@code infrastructure/} against what Berth really calls, each call on its
 * resource and under its conditions: nothing is missing, and nothing is there that nobody uses.
 */
@Tag("rig")
@Tag("root")
@ExtendWith(RigExtension.class)
@Timeout(120)
class PermissionsIT {
  private static final String EXECUTION = "arn:aws:iam::123456789012:role/rig-execution";
  private static final String GROUP = "/berth/permissions";
  private static final String PREFIX = "permitted";
  private static final SandboxSpec SPEC = SandboxSpec.of(FargateRig.MAIN_IMAGE);

  private static FargateRig rig;

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
    rig.logGroup(GROUP);
    rig.parameter(
        "/permitted/ecs-sandbox/config",
        """
        {"cluster": "%s", "subnets": ["%s"], "security_groups": ["%s"],
         "execution_role_arn": "%s", "log_group": "%s",
         "ssh_sidecar": {"public_key_secret_arn": "%s", "private_key_secret_arn": "%s",
                         "image": "%s", "exec_server_port": 19542}}
        """
            .formatted(
                FargateRig.CLUSTER,
                System.getProperty(FargateRig.SUBNET),
                System.getProperty(FargateRig.GROUP),
                EXECUTION,
                GROUP,
                System.getProperty(FargateRig.PUBLIC),
                System.getProperty(FargateRig.PRIVATE),
                FargateRig.SIDECAR_IMAGE));
  }

  @AfterEach
  void clear() throws Exception {
    FargateRig.useFrom();
    rig.proxy().definitionAge(Duration.ZERO);
    rig.proxy().endAll();
    rig.faults().clear();
  }

  private static FargateConfig config() {
    return FargateConfig.builder()
        .region(FargateRig.REGION)
        .ssmProject("permitted")
        .taskDefinitionFamilyPrefix(PREFIX)
        .cpu(256)
        .memory(512)
        .build();
  }

  /** A policy as Terraform would write it for the rig. */
  static JsonNode policy(String name) {
    Map<String, Object> values = new HashMap<>();
    values.put("partition", "aws");
    values.put("region", FargateRig.REGION);
    values.put("account", "123456789012");
    values.put("cluster", FargateRig.CLUSTER);
    values.put(
        "cluster_arn",
        "arn:aws:ecs:" + FargateRig.REGION + ":123456789012:cluster/" + FargateRig.CLUSTER);
    values.put("family_prefix", PREFIX);
    values.put("parameter", "/permitted/ecs-sandbox/config");
    values.put("public_key_secret_arn", System.getProperty(FargateRig.PUBLIC));
    values.put("private_key_secret_arn", System.getProperty(FargateRig.PRIVATE));
    values.put(
        "secret_arns",
        List.of(System.getProperty(FargateRig.PUBLIC), System.getProperty(FargateRig.PRIVATE)));
    values.put("task_roles", List.of(EXECUTION));
    values.put("roles", List.of(EXECUTION));
    values.put("simulated", List.of(EXECUTION, "arn:aws:sts::123456789012:user/moto"));
    values.put("repository_arns", List.of("arn:aws:ecr:eu-central-1:123456789012:repository/x"));
    values.put(
        "log_group_arn", "arn:aws:logs:" + FargateRig.REGION + ":123456789012:log-group:" + GROUP);
    return Terraform.fill("policies/" + name + ".json", values);
  }

  @Test
  void whatHostsMayIsWhatSandboxesNeed() throws Exception {
    PolicySet host = PolicySet.of(policy("host-run"));
    try (IamGate gate = new IamGate(rig.endpoint(), host);
        FargateProvider provider = new FargateProvider(config())) {
      gate.use();
      try (Sandbox sandbox = provider.create(SPEC)) {
        assertThat(sandbox.exec("echo allowed").stdout()).isEqualTo("allowed\n");
        assertThat(sandbox.isRunning()).isTrue();
        assertThat(provider.list()).isNotEmpty();
      }
      rig.faults().nextStart(Faults.Start.MAIN_DIES);
      assertThatThrownBy(() -> provider.create(SPEC)).isInstanceOf(CreateException.class);
      rig.proxy().endAll();
      rig.proxy().definitionAge(Duration.ofHours(2));
      assertThat(provider.reap()).anyMatch(line -> line.contains("deregistered"));

      assertThat(gate.refused()).isEmpty();
      Set<String> needed = new TreeSet<>(gate.used());
      // Moto's network interfaces have no public addresses to ask for.
      needed.add("ec2:DescribeNetworkInterfaces");
      assertThat(needed).containsExactlyElementsOf(host.actions());
    }
  }

  @Test
  void whatIsNotAllowedIsRefusedInAWordThatNamesIt() throws Exception {
    try (IamGate gate = new IamGate(rig.endpoint(), PolicySet.of(policy("host-run")));
        FargateProvider other =
            new FargateProvider(
                config().toBuilder().taskDefinitionFamilyPrefix("somebody-elses").build())) {
      gate.use();
      assertThatThrownBy(() -> other.create(SPEC))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("ecs:RegisterTaskDefinition");
      assertThat(rig.running()).isEmpty();
    }
  }
}
