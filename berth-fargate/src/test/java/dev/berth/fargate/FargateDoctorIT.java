package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.core.state.StateHome;
import dev.berth.spi.Finding;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The doctor finds what is wrong at each step, and says what to do; in an account of moto's. */
@Tag("rig")
@Tag("root")
@DisabledIfEnvironmentVariable(
    named = "BERTH_FARGATE",
    matches = "none",
    disabledReason = "there is no rig on this machine, see setup/fargate.sh")
@Timeout(120)
class FargateDoctorIT {
  private static final JsonNode ALL =
      JsonMapper.shared()
          .readTree(
              "{\"Statement\": [{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}");

  private static DoctorAccount account;

  @BeforeAll
  static void open() throws Exception {
    account = new DoctorAccount();
  }

  @AfterAll
  static void close() {
    account.close();
  }

  @AfterEach
  void pastTheGate() {
    account.use();
  }

  /** A gate whose simulator knows what the roles and this host may. */
  private static IamGate gate(PolicySet caller) throws Exception {
    IamGate gate = new IamGate(account.moto().uri(), caller);
    gate.role(account.execution, PolicySet.of(policy("execution-role")));
    gate.role(DoctorAccount.CALLER, PolicySet.of(policy("host-run")));
    gate.use();
    return gate;
  }

  private static JsonNode policy(String name) {
    String ecr = "arn:aws:ecr:" + DoctorAccount.REGION + ":123456789012:repository/clinic";
    String group = "arn:aws:logs:" + DoctorAccount.REGION + ":123456789012:log-group:";
    Map<String, Object> values = new HashMap<>();
    values.put("partition", "aws");
    values.put("region", DoctorAccount.REGION);
    values.put("account", "123456789012");
    values.put("cluster", DoctorAccount.CLUSTER);
    values.put(
        "cluster_arn", "arn:aws:ecs:" + DoctorAccount.REGION + ":123456789012:cluster/clinic");
    values.put("family_prefix", "ecs-sandbox");
    values.put("parameter", DoctorAccount.PARAMETER);
    values.put("public_key_secret_arn", account.publicKey);
    values.put("private_key_secret_arn", account.privateKey);
    values.put("secret_arns", List.of(account.publicKey, account.privateKey));
    values.put("task_roles", List.of(account.execution));
    values.put("roles", List.of(account.execution, account.builds));
    values.put("simulated", List.of(account.execution, DoctorAccount.CALLER));
    values.put("repository_arn", ecr);
    values.put("repository_arns", List.of(ecr));
    values.put("log_group_arn", group + DoctorAccount.LOG_GROUP);
    values.put("bucket_arn", "arn:aws:s3:::clinic-staging");
    values.put("staging_prefix", "berth");
    values.put("projects", "arn:aws:codebuild:eu-central-1:123456789012:project/berth-*");
    values.put("codebuild_role", "arn:none");
    values.put("codebuild_group", group + "/aws/codebuild/berth-*");
    return Terraform.fill("policies/" + name + ".json", values);
  }

  /** What is found, but for the state folder, which is another's matter. */
  private static List<Finding> examine(FargateConfig config) {
    List<Finding> all = new FargateDoctor(config).examine();
    return all.subList(StateHome.ofEnvironment().examine().size(), all.size());
  }

  private static void assertFound(
      List<Finding> findings, Finding.Level level, String subject, String words) {
    assertThat(findings)
        .anySatisfy(finding -> {
          assertThat(finding.level()).isEqualTo(level);
          assertThat(finding.subject()).isEqualTo(subject);
          assertThat(finding.observation()).contains(words);
          assertThat(finding.remedy()).isNotBlank();
        });
  }

  @Test
  void nothingIsWrongWhereNothingIsMissing() throws Exception {
    account.parameter("{\"cluster\": \"clinic\"}");
    FargateConfig config = account.config().cluster("").ssmProject("clinic").build();
    PolicySet host = PolicySet.of(policy("host-run"), policy("host-doctor"), policy("host-images"));
    try (IamGate gate = gate(host)) {
      List<Finding> findings = examine(config);

      assertThat(findings).allMatch(finding -> finding.level() == Finding.Level.OK);
      assertThat(findings)
          .extracting(Finding::subject)
          .containsExactly(
              "credentials",
              "discovery",
              "cluster",
              "subnets",
              "way out",
              "way in",
              "execution role",
              "task role",
              "build role",
              "this host",
              "ssh_sidecar",
              "our key",
              "sidecar's key",
              "sidecar's image",
              "log group",
              "images",
              "build contexts",
              "image builds",
              "tasks");
      assertThat(gate.refused()).isEmpty();
      Set<String> used = new TreeSet<>(gate.used());
      used.add("ec2:DescribeVpcEndpoints");
      assertThat(used).containsAll(PolicySet.of(policy("host-doctor")).actions());
    }
  }

  @Test
  void withoutTheDoctorsPolicyNothingFailsAndEachStepSaysWhatToAllow() throws Exception {
    try (IamGate gate = gate(PolicySet.of(policy("host-run")))) {
      List<Finding> findings = examine(account.config().build());

      assertThat(findings).noneMatch(finding -> finding.level() == Finding.Level.FAILURE);
      for (String permission :
          List.of(
              "ecs:DescribeClusters",
              "ec2:DescribeSubnets",
              "iam:GetRole",
              "iam:SimulatePrincipalPolicy",
              "secretsmanager:DescribeSecret",
              "ecr:DescribeImages",
              "logs:DescribeLogGroups",
              "ecr:DescribeRepositories",
              "s3:ListBucket")) {
        assertThat(findings)
            .as(permission)
            .anyMatch(finding ->
                finding.level() == Finding.Level.WARNING && finding.remedy().contains(permission));
      }
      assertThat(gate.refused()).isNotEmpty();
    }
  }

  @Test
  void aParameterThatIsMissingIsFound() {
    assertFound(
        examine(FargateConfig.builder().region(DoctorAccount.REGION).ssmProject("no").build()),
        Finding.Level.FAILURE,
        "discovery",
        "/no/ecs-sandbox/config");
  }

  private static Arguments failure(String subject, String words, FargateConfig.Builder config) {
    return Arguments.of(Finding.Level.FAILURE, subject, words, config.build());
  }

  private static Arguments warning(String subject, String words, FargateConfig.Builder config) {
    return Arguments.of(Finding.Level.WARNING, subject, words, config.build());
  }

  static Stream<Arguments> faults() {
    SshSidecarConfig sidecar = account.sidecar();
    String other = account.vpc("10.65.0.0/16");
    String valueless = account.secret("valueless", null);
    return Stream.of(
        failure("cluster", "no active cluster absent", account.config().cluster("absent")),
        failure("subnets", "subnet-0000000", account.config().subnets(List.of("subnet-0000000"))),
        failure("way out", "tasks get no public address", account.config().assignPublicIp(false)),
        failure(
            "way out",
            "no route to an internet gateway",
            account.config().subnets(List.of(account.closedSubnet))),
        failure(
            "way out",
            "no endpoint for ecr.api, ecr.dkr, logs, s3, secretsmanager",
            account.config().assignPublicIp(false).subnets(List.of(account.closedSubnet))),
        failure(
            "way in",
            "lets anybody reach TCP port 2022",
            account.config().sshSidecar(sidecar.withSshdPort(2022))),
        failure(
            "way in",
            "is of " + other,
            account.config().securityGroups(List.of(account.group(other, 2222, "10.0.0.0/8")))),
        warning(
            "way in",
            "the whole Internet",
            account
                .config()
                .securityGroups(List.of(account.group(account.vpc, 2222, "0.0.0.0/0")))),
        failure(
            "execution role",
            "there is no role",
            account.config().executionRoleArn("arn:aws:iam::123456789012:role/absent")),
        failure(
            "execution role",
            "does not trust ecs-tasks.amazonaws.com",
            account
                .config()
                .executionRoleArn(
                    account.role("of-ec2", DoctorAccount.trust("ec2.amazonaws.com")))),
        failure(
            "execution role",
            "it may not secretsmanager:GetSecretValue",
            account
                .config()
                .executionRoleArn(
                    account.role("powerless", DoctorAccount.trust("ecs-tasks.amazonaws.com")))),
        failure(
            "task role",
            "there is no role",
            account.config().taskRoleArn("arn:aws:iam::123456789012:role/absent")),
        failure(
            "this host",
            "it may not iam:PassRole",
            account
                .config()
                .taskRoleArn(
                    account.role("unpassed", DoctorAccount.trust("ecs-tasks.amazonaws.com")))),
        failure(
            "our key",
            "absent",
            account.config().sshSidecar(sidecar.withSecrets(account.publicKey, "absent"))),
        failure(
            "our key",
            "valueless",
            account.config().sshSidecar(sidecar.withSecrets(account.publicKey, valueless))),
        failure(
            "our key",
            "no private key",
            account
                .config()
                .sshSidecar(
                    sidecar.withSecrets(account.publicKey, account.secret("words", "words")))),
        failure(
            "our key",
            "the private key is none",
            account
                .config()
                .sshSidecar(
                    sidecar.withSecrets(
                        account.publicKey,
                        account.secret(
                            "broken",
                            "-----BEGIN X-----\nAAAA\n-----END X-----\nssh-ed25519 AAAA h\n")))),
        failure(
            "sidecar's key",
            "valueless",
            account.config().sshSidecar(sidecar.withSecrets(valueless, account.privateKey))),
        failure(
            "sidecar's image",
            "sidecar-2",
            account
                .config()
                .sshSidecar(sidecar.withImage(DoctorAccount.REGISTRY + "clinic:sidecar-2"))),
        failure("log group", "there is no /ecs/clini", account.config().logGroup("/ecs/clini")),
        warning("images", "absent", account.config().ecrRepository("absent")),
        warning("build contexts", "", account.config().s3Bucket("absent-bucket")));
  }

  @ParameterizedTest(name = "{1}: {2}")
  @MethodSource("faults")
  void eachFaultIsFound(Finding.Level level, String subject, String words, FargateConfig config)
      throws Exception {
    try (IamGate gate = gate(PolicySet.of(ALL))) {
      List<Finding> findings = examine(config);

      assertFound(findings, level, subject, words);
      assertThat(findings.toString()).doesNotContain("BEGIN");
      assertThat(gate.refused()).isEmpty();
    }
  }

  @Test
  void aTaskRoleThatMayReadTheKeyIsAFault() throws Exception {
    String task = account.role("curious", DoctorAccount.trust("ecs-tasks.amazonaws.com"));
    FargateConfig config = account.config().taskRoleArn(task).build();
    try (IamGate gate = gate(PolicySet.of(ALL))) {
      gate.role(task, PolicySet.of(ALL));
      assertFound(
          examine(config),
          Finding.Level.FAILURE,
          "task role",
          "every command in a sandbox may read " + account.privateKey);

      gate.role(task, PolicySet.of(ALL, policy("task-role")));
      assertThat(examine(config))
          .noneMatch(finding ->
              finding.subject().equals("task role") && finding.level() != Finding.Level.OK);
    }
  }

  @Test
  void endpointsAreAWayOut() throws Exception {
    for (String service : List.of("ecr.api", "ecr.dkr", "logs", "secretsmanager", "s3")) {
      account
          .aws()
          .ec2()
          .createVpcEndpoint(ask ->
              ask.vpcId(account.vpc)
                  .vpcEndpointType(service.equals("s3") ? "Gateway" : "Interface")
                  .serviceName("com.amazonaws." + DoctorAccount.REGION + "." + service));
    }
    try (IamGate gate = gate(PolicySet.of(ALL))) {
      List<Finding> findings =
          examine(
              account
                  .config()
                  .assignPublicIp(false)
                  .subnets(List.of(account.closedSubnet))
                  .build());
      assertThat(findings)
          .anyMatch(finding ->
              finding.subject().equals("way out")
                  && finding.level() == Finding.Level.OK
                  && finding.observation().contains("VPC endpoints"));
      assertThat(gate.refused()).isEmpty();
    }
  }
}
