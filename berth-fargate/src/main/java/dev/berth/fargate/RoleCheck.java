package dev.berth.fargate;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.iam.model.ContextEntry;
import software.amazon.awssdk.services.iam.model.ContextKeyTypeEnum;
import software.amazon.awssdk.services.iam.model.NoSuchEntityException;
import software.amazon.awssdk.services.iam.model.PolicyEvaluationDecisionType;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Looks at the roles: whom they trust and, where this host may have that simulated, what they may.
 */
final class RoleCheck {
  private static final String ECS = "ecs-tasks.amazonaws.com";
  private static final String READ = "secretsmanager:GetSecretValue";
  private static final Pattern ASSUMED =
      Pattern.compile("arn:([^:]+):sts::(\\d+):assumed-role/([^/]+)/.*");

  private final FargateConfig config;
  private final Aws aws;
  private final Examination seen;

  RoleCheck(Place place, Examination seen) {
    this.config = place.config();
    this.aws = place.aws();
    this.seen = seen;
  }

  void examine(String caller) {
    execution();
    task();
    String builds = config.codebuildServiceRole();
    if (builds != null) {
      trusted("build role", builds, "codebuild.amazonaws.com");
    }
    host(caller);
  }

  private void execution() {
    String subject = "execution role";
    String role = config.executionRoleArn();
    if (role == null) {
      if (config.taskDefinition() == null) {
        seen.failure(
            subject,
            "execution_role_arn is not set; ECS needs it to fetch the image, the secret of"
                + " public_key_secret_arn, and to log",
            "Set execution_role_arn.");
      } else {
        seen.ok(subject, "as in " + config.taskDefinition());
      }
      return;
    }
    if (!trusted(subject, role, ECS)) {
      return;
    }
    SshSidecarConfig sidecar = config.sshSidecar();
    List<String> lacking = new ArrayList<>();
    boolean told =
        simulated(
            subject,
            role,
            () -> {
              if (sidecar != null && !sidecar.publicKeySecretArn().isEmpty()) {
                lack(role, READ, sidecar.publicKeySecretArn(), Map.of(), lacking);
              }
              lack(role, "ecr:GetAuthorizationToken", "*", Map.of(), lacking);
              if (sidecar != null
                  && !sidecar.privateKeySecretArn().isEmpty()
                  && may(role, READ, sidecar.privateKeySecretArn(), Map.of())) {
                seen.warning(
                    subject,
                    "it may read the secret of private_key_secret_arn, which it does not need",
                    "Take that away: whoever can pass this role to a task gets the key by it.");
              }
            });
    if (told && !lacking.isEmpty()) {
      seen.failure(
          subject,
          "it may not " + String.join(", ", lacking),
          "Allow it what infrastructure/policies/execution-role.json allows.");
    }
  }

  private void task() {
    String subject = "task role";
    String role = config.taskRoleArn();
    if (role == null) {
      seen.ok(subject, "none, so nothing in a sandbox has credentials of AWS");
      return;
    }
    SshSidecarConfig sidecar = config.sshSidecar();
    if (!trusted(subject, role, ECS) || sidecar == null) {
      return;
    }
    simulated(
        subject,
        role,
        () -> {
          for (String secret :
              List.of(sidecar.privateKeySecretArn(), sidecar.publicKeySecretArn())) {
            if (!secret.isEmpty() && may(role, READ, secret, Map.of())) {
              seen.failure(
                  subject,
                  "every command in a sandbox may read " + secret,
                  "Deny it " + READ + " there, as infrastructure/policies/task-role.json does.");
            }
          }
        });
  }

  /** What this host may do with the roles and the cluster. */
  private void host(String caller) {
    String subject = "this host";
    Matcher assumed = ASSUMED.matcher(caller);
    String who =
        assumed.matches()
            ? "arn:" + assumed.group(1) + ":iam::" + assumed.group(2) + ":role/" + assumed.group(3)
            : caller;
    if (who.endsWith(":root")) {
      seen.warning(
          subject,
          "it is the account's root user, who may all",
          "Use a role or user with the policies of infrastructure/.");
      return;
    }
    List<String> lacking = new ArrayList<>();
    boolean told =
        simulated(
            subject,
            who,
            () -> {
              Map<String, String> toEcs = Map.of("iam:PassedToService", ECS);
              for (String role : new String[] {config.executionRoleArn(), config.taskRoleArn()}) {
                if (role != null) {
                  lack(who, "iam:PassRole", role, toEcs, lacking);
                }
              }
              String[] arn = who.split(":", -1);
              String ecs = "arn:" + arn[1] + ":ecs:" + aws.region() + ":" + arn[4] + ":";
              String definition = "task-definition/" + config.taskDefinitionFamilyPrefix() + "-x:1";
              String cluster = config.cluster().substring(config.cluster().lastIndexOf('/') + 1);
              Map<String, String> there = Map.of("ecs:cluster", ecs + "cluster/" + cluster);
              lack(who, "ecs:RegisterTaskDefinition", ecs + definition, Map.of(), lacking);
              lack(who, "ecs:RunTask", ecs + definition, there, lacking);
              Map<String, String> starting = Map.of("ecs:CreateAction", "RunTask");
              lack(who, "ecs:TagResource", ecs + "task/" + cluster + "/x", starting, lacking);
              lack(who, "ecs:StopTask", ecs + "task/" + cluster + "/x", Map.of(), lacking);
              if (Boolean.TRUE.equals(config.assignPublicIp())) {
                lack(who, "ec2:DescribeNetworkInterfaces", "*", Map.of(), lacking);
              }
            });
    if (told && lacking.isEmpty()) {
      seen.ok(subject, "may start tasks in the cluster and hand them the roles");
    } else if (told) {
      seen.failure(
          subject,
          "it may not " + String.join(", ", lacking),
          "Allow it what infrastructure/policies/host-run.json allows.");
    }
  }

  /** Whether a role is there and a service may act as it, as far as that can be seen. */
  private boolean trusted(String subject, String role, String service) {
    boolean[] fine = {true};
    seen.looked(
        subject,
        "iam:GetRole on " + role,
        () -> {
          String name = role.substring(role.lastIndexOf('/') + 1);
          try {
            String trust =
                URLDecoder.decode(
                    String.valueOf(
                        aws.iam()
                            .getRole(ask -> ask.roleName(name))
                            .role()
                            .assumeRolePolicyDocument()),
                    StandardCharsets.UTF_8);
            if (trusts(trust, service)) {
              seen.ok(subject, role);
              return;
            }
            seen.failure(
                subject,
                role + " does not trust " + service,
                "Let that service assume it, as infrastructure/policies/trust-*.json do.");
          } catch (NoSuchEntityException e) {
            seen.failure(subject, "there is no role " + role, "Create it, or name another.");
          }
          fine[0] = false;
        },
        "Name a role's ARN.");
    return fine[0];
  }

  /** Whether a trust policy allows a service at all; its conditions are not evaluated. */
  static boolean trusts(String policy, String service) {
    try {
      JsonNode statements = JsonMapper.shared().readTree(policy).path("Statement");
      for (JsonNode statement : statements.isArray() ? statements : List.of(statements)) {
        JsonNode services = statement.path("Principal").path("Service");
        boolean named =
            services.isArray()
                ? services.valueStream().anyMatch(each -> service.equals(each.asString("")))
                : service.equals(services.asString(""));
        if (named && "Allow".equals(statement.path("Effect").asString(""))) {
          return true;
        }
      }
    } catch (JacksonException e) {
      return false;
    }
    return false;
  }

  /** Asks IAM's simulator; where that is not to be had, says so. */
  private boolean simulated(String subject, String who, Examination.Look look) {
    try {
      look.at();
      return true;
    } catch (SdkException e) {
      seen.warning(
          subject,
          "what it may do could not be simulated: " + Aws.reason(e),
          Examination.allow("iam:SimulatePrincipalPolicy on " + who));
      return false;
    }
  }

  private void lack(
      String who, String action, String on, Map<String, String> context, List<String> lacking) {
    if (!may(who, action, on, context)) {
      lacking.add(action + " on " + on);
    }
  }

  private boolean may(String who, String action, String on, Map<String, String> context) {
    List<ContextEntry> entries =
        context.entrySet().stream().map(each -> entry(each.getKey(), each.getValue())).toList();
    return aws
        .iam()
        .simulatePrincipalPolicy(ask ->
            ask.policySourceArn(who)
                .actionNames(action)
                .resourceArns(on)
                .contextEntries(entries.isEmpty() ? null : entries))
        .evaluationResults()
        .stream()
        .allMatch(result -> result.evalDecision() == PolicyEvaluationDecisionType.ALLOWED);
  }

  private static ContextEntry entry(String key, @Nullable String value) {
    return ContextEntry.builder()
        .contextKeyName(key)
        .contextKeyType(ContextKeyTypeEnum.STRING)
        .contextKeyValues(value)
        .build();
  }
}
