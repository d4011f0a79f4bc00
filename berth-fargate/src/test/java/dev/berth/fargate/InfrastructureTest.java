package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What Terraform writes is what Berth reads and needs, and no more. */
class InfrastructureTest {
  private static final Pattern CALL =
      Pattern.compile(
          "templatefile\\(\"\\$\\{path\\.module}/([^\"]+)\", \\{\\n(.*?)\\n *}\\)", Pattern.DOTALL);
  private static final Pattern GIVEN = Pattern.compile("(?m)^ *(\\w+) += ");

  private static final Map<String, Object> FOUND = found();

  private static Map<String, Object> found() {
    Map<String, Object> found = new LinkedHashMap<>();
    found.put("cluster", "sandboxes");
    found.put("subnets", List.of("subnet-1", "subnet-2"));
    found.put("security_groups", List.of("sg-1"));
    found.put("assign_public_ip", true);
    found.put("execution_role_arn", "arn:aws:iam::123456789012:role/execution");
    found.put("task_role_arn", "arn:aws:iam::123456789012:role/task");
    found.put("log_group", "/ecs/sandboxes");
    found.put("s3_bucket", "staging");
    found.put("s3_prefix", "berth");
    found.put("ecr_repository", "123456789012.dkr.ecr.us-west-2.amazonaws.com/sandboxes");
    found.put("codebuild_project", "mine");
    found.put("codebuild_service_role", "arn:aws:iam::123456789012:role/codebuild");
    found.put("dockerhub_secret_arn", "arn:aws:secretsmanager:us-west-2:123456789012:secret:hub");
    found.put("efs_filesystem_id", "fs-1");
    found.put("efs_access_point_id", "fsap-1");
    found.put("sidecar_image", "sidecar:1");
    found.put("sshd_port", 2200);
    found.put("exec_server_port", 20001);
    found.put("public_key_secret_arn", "arn:public");
    found.put("private_key_secret_arn", "arn:private");
    return found;
  }

  @Test
  void everyDiscoverableKeyIsWrittenAndEveryWrittenOneRead() {
    JsonNode written = Terraform.fill("discovery.json", FOUND);
    assertThat(written.propertyNames()).containsExactlyInAnyOrderElementsOf(Discovery.known());
    FargateConfig open = FargateConfig.builder().region("us-west-2").build();

    FargateConfig config = Discovery.merge(open, written.toString());

    assertThat(config)
        .isEqualTo(
            open.toBuilder()
                .cluster("sandboxes")
                .subnets(List.of("subnet-1", "subnet-2"))
                .securityGroups(List.of("sg-1"))
                .assignPublicIp(true)
                .executionRoleArn("arn:aws:iam::123456789012:role/execution")
                .taskRoleArn("arn:aws:iam::123456789012:role/task")
                .logGroup("/ecs/sandboxes")
                .s3Bucket("staging")
                .s3Prefix("berth")
                .ecrRepository("123456789012.dkr.ecr.us-west-2.amazonaws.com/sandboxes")
                .codebuildProject("mine")
                .codebuildServiceRole("arn:aws:iam::123456789012:role/codebuild")
                .dockerhubSecretArn("arn:aws:secretsmanager:us-west-2:123456789012:secret:hub")
                .efsFilesystemId("fs-1")
                .efsAccessPointId("fsap-1")
                .sshSidecar(
                    SshSidecarConfig.DEFAULT
                        .withImage("sidecar:1")
                        .withSshdPort(2200)
                        .withExecServerPort(20001)
                        .withSecrets("arn:public", "arn:private"))
                .build());
  }

  @Test
  void whatIsNotMadeIsLeftOpen() {
    Map<String, Object> found = new HashMap<>(FOUND);
    for (String key :
        List.of(
            "task_role_arn",
            "s3_bucket",
            "s3_prefix",
            "codebuild_project",
            "codebuild_service_role",
            "dockerhub_secret_arn",
            "efs_filesystem_id",
            "efs_access_point_id",
            "exec_server_port")) {
      found.put(key, null);
    }
    FargateConfig config =
        Discovery.merge(
            FargateConfig.builder().region("us-west-2").containerPort(8000).build(),
            Terraform.fill("discovery.json", found).toString());
    assertThat(config.agentServer()).isTrue();
    assertThat(config.taskRoleArn()).isNull();
    assertThat(config.s3Bucket()).isNull();
    assertThat(config.efsFilesystemId()).isNull();
  }

  @Test
  void eachTemplateIsUsedAndGivenExactlyWhatItAsksFor() {
    Set<String> used = new HashSet<>();
    for (String file : Terraform.files("", ".tf")) {
      Matcher call = CALL.matcher(Terraform.text(file));
      while (call.find()) {
        List<String> given = new ArrayList<>();
        Matcher name = GIVEN.matcher(call.group(2));
        while (name.find()) {
          given.add(name.group(1));
        }
        assertThat(given)
            .as(file + " gives " + call.group(1))
            .containsExactlyInAnyOrderElementsOf(Terraform.holes(Terraform.text(call.group(1))));
        used.add(call.group(1));
      }
    }
    List<String> templates = new ArrayList<>(Terraform.files("policies", ".json"));
    templates.add("discovery.json");
    assertThat(used).containsExactlyInAnyOrderElementsOf(templates);
  }

  @Test
  void noVariableIsUnusedOrUnknown() {
    Set<String> declared = new HashSet<>();
    Set<String> used = new HashSet<>();
    for (String file : Terraform.files("", ".tf")) {
      Matcher variable = Pattern.compile("(?m)^variable \"(\\w+)\"").matcher(Terraform.text(file));
      while (variable.find()) {
        declared.add(variable.group(1));
      }
      if (!file.startsWith("variables")) {
        Matcher use = Pattern.compile("\\bvar\\.(\\w+)").matcher(Terraform.text(file));
        while (use.find()) {
          used.add(use.group(1));
        }
      }
    }
    assertThat(used).containsExactlyInAnyOrderElementsOf(declared);
  }

  @Test
  void theExecutionRoleReadsThePublicSecretAlone() {
    PolicySet role = PolicySet.of(fill("execution-role"));
    String read = "secretsmanager:GetSecretValue";
    assertThat(role.allows(read, "arn:public", Map.of())).isTrue();
    assertThat(role.allows(read, "arn:private", Map.of())).isFalse();
    assertThat(role.allows("logs:PutLogEvents", "arn:group:log-stream:x", Map.of())).isTrue();
    assertThat(role.allows("logs:PutLogEvents", "arn:other:log-stream:x", Map.of())).isFalse();
    assertThat(role.allows("ecr:BatchGetImage", "arn:repository", Map.of())).isTrue();
    assertThat(role.allows("ecr:PutImage", "arn:repository", Map.of())).isFalse();
  }

  @Test
  void noBuildReplacesTheSidecar() {
    PolicySet builds = PolicySet.of(fill("codebuild-role"), fill("codebuild-dockerhub"));
    assertThat(builds.allows("ecr:PutImage", "arn:repository", Map.of())).isTrue();
    assertThat(builds.allows("ecr:PutImage", "arn:sidecar", Map.of())).isFalse();
    assertThat(Terraform.text("codebuild-role.tf"))
        .contains("aws_ecr_repository.images.arn")
        .doesNotContain("aws_ecr_repository.sidecar");
    assertThat(Terraform.text("images.tf"))
        .contains("coalesce(var.sidecar_image, \"${aws_ecr_repository.sidecar.repository_url}:");
  }

  @Test
  void noTaskReadsAKeyWhateverElseItMay() {
    JsonNode all =
        tools.jackson.databind.json.JsonMapper.shared()
            .readTree(
                """
                {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
                """);
    PolicySet role = PolicySet.of(all, fill("task-role"));
    for (String secret : List.of("arn:public", "arn:private")) {
      assertThat(role.allows("secretsmanager:GetSecretValue", secret, Map.of())).isFalse();
    }
    assertThat(role.allows("secretsmanager:GetSecretValue", "arn:theirs", Map.of())).isTrue();

    JsonNode secret = fill("private-key-secret");
    for (String who : List.of("arn:execution", "arn:task")) {
      assertThat(
              PolicySet.of(all, secret)
                  .allows(
                      "secretsmanager:GetSecretValue",
                      "arn:private",
                      Map.of("aws:PrincipalArn", who)))
          .isFalse();
    }
  }

  @Test
  void onlyTheHostReadsThePrivateKeyAndOnlyThat() {
    String read = "secretsmanager:GetSecretValue";
    PolicySet host = PolicySet.of(fill("host-run"), fill("host-doctor"), fill("host-images"));
    assertThat(host.allows(read, "arn:private", Map.of())).isTrue();
    assertThat(host.allows(read, "arn:public", Map.of())).isFalse();
    for (String role : List.of("execution-role", "codebuild-role", "codebuild-dockerhub")) {
      assertThat(PolicySet.of(fill(role)).allows(read, "arn:private", Map.of())).as(role).isFalse();
    }
  }

  @Test
  void theHostPassesItsRolesToTheirServicesAlone() {
    PolicySet host = PolicySet.of(fill("host-run"), fill("host-doctor"), fill("host-images"));
    Map<String, String> ecs = Map.of("iam:PassedToService", "ecs-tasks.amazonaws.com");
    Map<String, String> builds = Map.of("iam:PassedToService", "codebuild.amazonaws.com");
    Map<String, String> ec2 = Map.of("iam:PassedToService", "ec2.amazonaws.com");
    assertThat(host.allows("iam:PassRole", "arn:execution", ecs)).isTrue();
    assertThat(host.allows("iam:PassRole", "arn:execution", ec2)).isFalse();
    assertThat(host.allows("iam:PassRole", "arn:codebuild", builds)).isTrue();
    assertThat(host.allows("iam:PassRole", "arn:codebuild", ecs)).isFalse();
    assertThat(host.allows("iam:PassRole", "arn:admin", ecs)).isFalse();
  }

  private static JsonNode fill(String policy) {
    Map<String, Object> values = new HashMap<>();
    values.put("partition", "aws");
    values.put("region", "us-west-2");
    values.put("account", "123456789012");
    values.put("cluster", "sandboxes");
    values.put("cluster_arn", "arn:cluster");
    values.put("family_prefix", "ecs-sandbox");
    values.put("parameter", "/harbor/ecs-sandbox/config");
    values.put("public_key_secret_arn", "arn:public");
    values.put("private_key_secret_arn", "arn:private");
    values.put("dockerhub_secret_arn", "arn:hub");
    values.put("secret_arns", List.of("arn:public", "arn:private"));
    values.put("task_principals", List.of("arn:execution", "arn:task"));
    values.put("task_roles", List.of("arn:execution", "arn:task"));
    values.put("roles", List.of("arn:execution", "arn:task"));
    values.put("simulated", List.of("arn:execution", "arn:host"));
    values.put("repository_arn", "arn:repository");
    values.put("repository_arns", List.of("arn:repository"));
    values.put("log_group_arn", "arn:group");
    values.put("bucket_arn", "arn:aws:s3:::staging");
    values.put("staging_prefix", "berth");
    values.put("projects", "arn:aws:codebuild:us-west-2:123456789012:project/berth-*");
    values.put("codebuild_role", "arn:codebuild");
    values.put("codebuild_group", "arn:builds");
    return Terraform.fill("policies/" + policy + ".json", values);
  }
}
