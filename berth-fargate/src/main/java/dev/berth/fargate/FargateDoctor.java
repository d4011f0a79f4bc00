package dev.berth.fargate;

import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.core.state.StateHome;
import dev.berth.spi.Finding;
import java.util.List;
import software.amazon.awssdk.services.ecs.model.Cluster;

/**
 * Looks step by step at what a Fargate sandbox needs: who this host is, what discovery says, the
 * cluster, the network, the roles, the secrets, and where images and logs are. Starts no task.
 */
final class FargateDoctor {
  private final FargateConfig config;
  private final Examination seen = new Examination();

  FargateDoctor(FargateConfig config) {
    this.config = config;
  }

  List<Finding> examine() {
    seen.all(StateHome.ofEnvironment().examine());
    if (config.cluster().isEmpty() && config.region() == null) {
      seen.failure(
          "configuration",
          "it names no cluster, and no region in which SSM could say one",
          "Set cluster, subnets and security_groups for ecs_fargate, or region.");
      return seen.findings();
    }
    String caller;
    try (Aws aws = new Aws(config.region())) {
      String[] who = new String[1];
      if (!seen.asked(
          "credentials",
          () -> {
            who[0] = aws.sts().getCallerIdentity().arn();
            return who[0];
          },
          "Log in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")) {
        return seen.findings();
      }
      caller = String.valueOf(who[0]);
    } catch (SandboxException e) {
      seen.failure("credentials", String.valueOf(e.getMessage()), "Set region, or AWS_REGION.");
      return seen.findings();
    }
    try (Place place = Place.of(config)) {
      if (Discovery.applies(config)) {
        seen.ok(
            "discovery",
            "SSM parameter "
                + Discovery.parameter(config)
                + " names cluster "
                + place.config().cluster());
      }
      place(place, caller);
    } catch (SandboxException e) {
      seen.failure(
          "discovery",
          String.valueOf(e.getMessage()),
          "See infrastructure/, which makes that parameter, and docs/fargate.md.");
    }
    return seen.findings();
  }

  private void place(Place place, String caller) {
    cluster(place);
    new NetworkCheck(place, seen).examine();
    new RoleCheck(place, seen).examine(caller);
    new PartsCheck(place, seen).examine();
    if (place.config().ecrRepository() != null) {
      seen.wanted(
          "image builds",
          "codebuild:BatchGetProjects",
          () -> {
            try {
              return ImageBuilder.builds(place.config(), place.aws()).examine();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
              throw new RequestException("it was interrupted");
            }
          },
          "See docs/fargate.md, Images, for what must exist and who may do what.");
    }
    seen.asked(
        "tasks",
        () -> {
          String cluster = place.config().cluster();
          int running = place.aws().ecs().listTasks(ask -> ask.cluster(cluster)).taskArns().size();
          return running + (running == 100 ? " or more" : "") + " in the cluster now";
        },
        "Allow this host what infrastructure/policies/host-run.json allows.");
  }

  private void cluster(Place place) {
    String name = place.config().cluster();
    Aws aws = place.aws();
    seen.looked(
        "cluster",
        "ecs:DescribeClusters",
        () -> {
          List<Cluster> clusters = aws.ecs().describeClusters(ask -> ask.clusters(name)).clusters();
          if (clusters.isEmpty() || !"ACTIVE".equals(clusters.get(0).status())) {
            throw new RequestException(
                "there is no active cluster " + name + " in " + aws.region());
          }
          seen.ok("cluster", name + " in " + aws.region());
        },
        "Create it, or name another.");
  }
}
