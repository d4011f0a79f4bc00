package dev.berth.fargate;

import dev.berth.SandboxException;
import dev.berth.core.state.StateHome;
import dev.berth.spi.Finding;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ecs.model.Cluster;

/** Looks step by step at what a Fargate sandbox needs; starts no task. */
final class FargateDoctor {
  private final FargateConfig config;
  private final List<Finding> findings = new ArrayList<>();

  FargateDoctor(FargateConfig config) {
    this.config = config;
  }

  /** One question to AWS; what it gives is the finding. */
  private interface Question {
    String ask();
  }

  List<Finding> examine() {
    findings.addAll(StateHome.ofEnvironment().examine());
    if (config.cluster().isEmpty() && config.region() == null) {
      failure(
          "configuration",
          "it names no cluster, and no region in which SSM could say one",
          "Set cluster, subnets and security_groups for ecs_fargate, or region.");
      return findings;
    }
    try (Aws aws = new Aws(config.region())) {
      if (!asked(
          "credentials",
          () -> aws.sts().getCallerIdentity().arn(),
          "Log in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")) {
        return findings;
      }
    } catch (SandboxException e) {
      failure("credentials", String.valueOf(e.getMessage()), "Set region, or AWS_REGION.");
      return findings;
    }
    try (Place place = Place.of(config)) {
      if (Discovery.applies(config)) {
        ok(
            "discovery",
            "SSM parameter "
                + Discovery.parameter(config)
                + " names cluster "
                + place.config().cluster());
      }
      place(place);
    } catch (SandboxException e) {
      failure("discovery", String.valueOf(e.getMessage()), "See docs/fargate.md.");
    }
    return findings;
  }

  private void place(Place place) {
    FargateConfig found = place.config();
    Aws aws = place.aws();
    asked(
        "cluster",
        () -> {
          List<Cluster> clusters =
              aws.ecs().describeClusters(ask -> ask.clusters(found.cluster())).clusters();
          if (clusters.isEmpty() || !"ACTIVE".equals(clusters.get(0).status())) {
            throw none("there is no active cluster " + found.cluster() + " in " + aws.region());
          }
          return found.cluster() + " in " + aws.region();
        },
        "Create it, or name another; allow ecs:DescribeClusters.");
    asked(
        "subnets",
        () -> {
          if (found.subnets().isEmpty() || found.securityGroups().isEmpty()) {
            throw none("subnets or security_groups are not set");
          }
          int count =
              aws.ec2().describeSubnets(ask -> ask.subnetIds(found.subnets())).subnets().size();
          int groups =
              aws.ec2()
                  .describeSecurityGroups(ask -> ask.groupIds(found.securityGroups()))
                  .securityGroups()
                  .size();
          return count + " subnets, " + groups + " security groups";
        },
        "Name existing ones; allow ec2:DescribeSubnets and ec2:DescribeSecurityGroups.");
    role(
        "execution role",
        found.executionRoleArn(),
        "ECS needs it to fetch the image, the secret" + " of public_key_secret_arn, and to log.");
    asked(
        "ssh_sidecar",
        () -> {
          SshSidecarConfig sidecar = TaskDefinitions.sidecar(found);
          int keys = place.keys().hostKeys().size();
          return sidecar.image() + "; our key and " + keys + " host keys can be read";
        },
        "See docs/fargate.md for what the two secrets hold, and who may read which.");
    String group = found.logGroup();
    if (group == null) {
      warning(
          "log group",
          "log_group is not set, so a task that dies leaves no words",
          "Set log_group.");
    } else {
      asked(
          "log group",
          () -> {
            aws.logs().describeLogGroups(ask -> ask.logGroupNamePrefix(group));
            return group;
          },
          "Create it; allow logs:DescribeLogGroups and logs:GetLogEvents.");
    }
    if (found.ecrRepository() != null) {
      asked(
          "image builds",
          () -> {
            try {
              return ImageBuilder.builds(found, aws).examine();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
              throw none("it was interrupted");
            }
          },
          "See docs/fargate.md, Images, for what must exist and who may do what.");
    }
    asked(
        "tasks",
        () -> {
          int running = aws.ecs().listTasks(ask -> ask.cluster(found.cluster())).taskArns().size();
          return running + (running == 100 ? " or more" : "") + " in the cluster now";
        },
        "Allow ecs:ListTasks, ecs:DescribeTasks, ecs:RunTask, ecs:StopTask, ecs:TagResource,"
            + " ecs:RegisterTaskDefinition and iam:PassRole.");
  }

  private void role(String subject, @Nullable String arn, String why) {
    if (arn == null && config.taskDefinition() == null) {
      failure(subject, "execution_role_arn is not set; " + why, "Set execution_role_arn.");
    } else {
      ok(subject, arn == null ? "as in " + config.taskDefinition() : arn);
    }
  }

  private static SandboxException none(String why) {
    return new dev.berth.RequestException(why);
  }

  private boolean asked(String subject, Question question, String remedy) {
    try {
      ok(subject, question.ask());
      return true;
    } catch (SdkException e) {
      failure(subject, Aws.reason(e), remedy);
    } catch (SandboxException e) {
      failure(subject, String.valueOf(e.getMessage()), remedy);
    }
    return false;
  }

  private void ok(String subject, String observation) {
    findings.add(new Finding(subject, Finding.Level.OK, observation, ""));
  }

  private void warning(String subject, String observation, String remedy) {
    findings.add(new Finding(subject, Finding.Level.WARNING, observation, remedy));
  }

  private void failure(String subject, String observation, String remedy) {
    findings.add(new Finding(subject, Finding.Level.FAILURE, observation, remedy));
  }
}
