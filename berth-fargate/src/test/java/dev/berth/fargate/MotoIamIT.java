package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.SandboxException;
import dev.berth.spi.Finding;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import software.amazon.awssdk.services.sts.model.Credentials;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The policies of {@code infrastructure/} in roles of moto, which here checks signatures and
 * actions itself. It knows neither resources nor conditions, so these are widened; {@link
 * PermissionsIT} checks them.
 */
@Tag("rig")
@Tag("root")
@DisabledIfEnvironmentVariable(
    named = "BERTH_FARGATE",
    matches = "none",
    disabledReason = "there is no rig on this machine, see setup/fargate.sh")
@Timeout(120)
class MotoIamIT {
  private static final String ALL =
      "{\"Version\":\"2012-10-17\",\"Statement\":"
          + "[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";

  private static DoctorAccount account;
  private static Credentials host;
  private static Credentials task;

  @BeforeAll
  static void open() throws Exception {
    account = new DoctorAccount();
    host = assume("host", widened("host-run"), widened("host-doctor"));
    task = assume("sandbox", ALL, widened("task-role"));
    account.parameter("{\"cluster\": \"clinic\", \"log_group\": \"/ecs/clinic\"}");
    try (HttpClient http = HttpClient.newHttpClient()) {
      http.send(
          HttpRequest.newBuilder(account.moto().uri().resolve("moto-api/reset-auth"))
              .POST(HttpRequest.BodyPublishers.ofString("0"))
              .build(),
          HttpResponse.BodyHandlers.discarding());
    }
  }

  @AfterAll
  static void close() {
    System.clearProperty("aws.sessionToken");
    account.close();
  }

  private static Credentials assume(String name, String... policies) {
    String arn = account.role(name, ALL);
    for (int i = 0; i < policies.length; i++) {
      String policy = policies[i];
      String as = "policy-" + i;
      account
          .aws()
          .iam()
          .putRolePolicy(ask -> ask.roleName(name).policyName(as).policyDocument(policy));
    }
    return account
        .aws()
        .sts()
        .assumeRole(ask -> ask.roleArn(arn).roleSessionName("test"))
        .credentials();
  }

  private static String widened(String name) {
    Map<String, Object> values = new HashMap<>();
    for (String hole : Terraform.holes(Terraform.text("policies/" + name + ".json"))) {
      boolean many = hole.endsWith("s");
      values.put(hole, many ? List.of("x") : "x");
    }
    JsonNode policy = Terraform.fill("policies/" + name + ".json", values);
    for (JsonNode statement : policy.path("Statement")) {
      ((ObjectNode) statement).put("Resource", "*").remove("Condition");
    }
    return policy.toString();
  }

  private static void as(Credentials who) {
    System.setProperty("aws.accessKeyId", who.accessKeyId());
    System.setProperty("aws.secretAccessKey", who.secretAccessKey());
    System.setProperty("aws.sessionToken", who.sessionToken());
  }

  @Test
  void theHostsCallsPass() throws Exception {
    as(host);
    FargateConfig open =
        account.config().cluster("").ssmProject("clinic").ecrRepository("clinic").build();
    try (Place place = Place.of(open)) {
      assertThat(place.config().cluster()).isEqualTo(DoctorAccount.CLUSTER);
      assertThat(place.keys().hostKeys()).hasSize(1);
      String definition =
          place
              .definitions()
              .ensure(
                  new TaskDefinitions.Content(
                      "image", new TaskSize(256, 512, null), List.of(), List.of()));
      assertThat(definition).contains("ecs-sandbox-");
      assertThat(place.tasks().all()).isEmpty();
      assertThat(place.definitions().reap()).isEmpty();
    }
    List<Finding> findings = new FargateDoctor(open).examine();
    assertThat(findings).noneMatch(finding -> finding.level() == Finding.Level.FAILURE);
    // Images are the matter of host-images, which this role has not.
    assertThat(findings)
        .filteredOn(finding -> finding.observation().contains("AccessDenied"))
        .isEmpty();
  }

  @Test
  void aTaskMayNotReadTheKeyThoughItMayAllElse() {
    as(task);
    try (Aws aws = new Aws(DoctorAccount.REGION)) {
      assertThat(aws.ecs().listClusters().clusterArns()).isNotEmpty();
      assertThatThrownBy(() -> TaskKeys.fetch(aws, account.privateKey))
          .isInstanceOf(SandboxException.class)
          .hasMessageContaining("secretsmanager:GetSecretValue");
    }
  }

  @Test
  void aWrongKeyIsNobody() {
    as(host.toBuilder().secretAccessKey("wrong").build());
    try (Aws aws = new Aws(DoctorAccount.REGION)) {
      assertThatThrownBy(() -> TaskKeys.fetch(aws, account.privateKey))
          .isInstanceOf(SandboxException.class)
          .hasMessageContaining("403");
    }
  }
}
