package dev.berth.fargate;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import software.amazon.awssdk.services.ecr.model.ImageIdentifier;
import software.amazon.awssdk.services.secretsmanager.model.DescribeSecretResponse;

/** Looks at what tasks are made of: secrets, images, and where contexts and logs go. */
final class PartsCheck {
  private static final Pattern ECR =
      Pattern.compile(
          "(\\d{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([^:@]+)(?::([^@]+))?(?:@(.+))?");

  private final Place place;
  private final FargateConfig config;
  private final Aws aws;
  private final Examination seen;

  PartsCheck(Place place, Examination seen) {
    this.place = place;
    this.config = place.config();
    this.aws = place.aws();
    this.seen = seen;
  }

  void examine() {
    boolean whole =
        seen.asked(
            "ssh_sidecar",
            () -> {
              SshSidecarConfig sidecar = TaskDefinitions.sidecar(config);
              return sidecar.image()
                  + (config.agentServer() ? ", agent-server mode" : ", exec-server mode");
            },
            "Set what is missing; docs/fargate.md says what the two secrets hold.");
    if (whole) {
      SshSidecarConfig sidecar = TaskDefinitions.sidecar(config);
      privateKey(sidecar.privateKeySecretArn());
      publicKey(sidecar.publicKeySecretArn());
      image("sidecar's image", String.valueOf(sidecar.image()));
    }
    logGroup();
    images();
    bucket();
  }

  private void privateKey(String arn) {
    seen.asked(
        "our key",
        () -> {
          // Parsed as for a tunnel, which is not opened.
          TaskStart.way(place, "localhost", "none", "doctor").build().close();
          return "can be read, with " + place.keys().hostKeys().size() + " host keys";
        },
        "Let infrastructure/keys.sh put a value into "
            + arn
            + ", and allow this host secretsmanager:GetSecretValue on it.");
  }

  private void publicKey(String arn) {
    seen.looked(
        "sidecar's key",
        "secretsmanager:DescribeSecret on " + arn,
        () -> {
          DescribeSecretResponse secret = aws.secrets().describeSecret(ask -> ask.secretId(arn));
          boolean valued =
              secret.versionIdsToStages().values().stream()
                  .anyMatch(stages -> stages.contains("AWSCURRENT"));
          if (valued) {
            seen.ok("sidecar's key", arn);
          } else {
            seen.failure(
                "sidecar's key", arn + " has no value", "Let infrastructure/keys.sh put one in.");
          }
        },
        "Create it and let infrastructure/keys.sh put in its value, or name another as"
            + " public_key_secret_arn.");
  }

  private void image(String subject, String image) {
    Matcher parts = ECR.matcher(image);
    if (!parts.matches() || !parts.group(2).equals(aws.region())) {
      seen.ok(subject, image + " is not in ECR of " + aws.region() + ", so it was not looked for");
      return;
    }
    String tag = parts.group(4);
    String digest = parts.group(5);
    ImageIdentifier id =
        digest == null
            ? ImageIdentifier.builder().imageTag(tag == null ? "latest" : tag).build()
            : ImageIdentifier.builder().imageDigest(digest).build();
    seen.looked(
        subject,
        "ecr:DescribeImages on its repository",
        () -> {
          aws.ecr()
              .describeImages(ask ->
                  ask.registryId(parts.group(1)).repositoryName(parts.group(3)).imageIds(id));
          seen.ok(subject, image);
        },
        "Build berth-fargate/sidecar/Dockerfile and push it as " + image + ".");
  }

  private void logGroup() {
    String group = config.logGroup();
    if (group == null) {
      seen.warning(
          "log group",
          "log_group is not set, so a task that dies leaves no words",
          "Set log_group.");
      return;
    }
    seen.looked(
        "log group",
        "logs:DescribeLogGroups",
        () -> {
          boolean there =
              aws
                  .logs()
                  .describeLogGroups(ask -> ask.logGroupNamePrefix(group))
                  .logGroups()
                  .stream()
                  .anyMatch(each -> group.equals(each.logGroupName()));
          if (there) {
            seen.ok("log group", group);
          } else {
            seen.failure(
                "log group",
                "there is no " + group + " in " + aws.region() + ", so no task would start",
                "Create it, or name another.");
          }
        },
        "Create it, or name another.");
  }

  private void images() {
    String repository = config.ecrRepository();
    if (repository == null) {
      seen.ok("images", "ecr_repository is not set: none are built or mirrored");
      return;
    }
    Matcher uri = ECR.matcher(repository);
    boolean whole = uri.matches();
    String name = whole ? uri.group(3) : repository;
    seen.wanted(
        "images",
        "ecr:DescribeRepositories",
        () -> {
          aws.ecr()
              .describeRepositories(ask -> {
                ask.repositoryNames(List.of(name));
                if (whole) {
                  ask.registryId(uri.group(1));
                }
              });
          return repository;
        },
        "Create the repository, or name another as ecr_repository; until then no image is built.");
  }

  private void bucket() {
    String bucket = config.s3Bucket();
    if (bucket == null) {
      seen.ok("build contexts", "s3_bucket is not set: no images are built");
      return;
    }
    seen.wanted(
        "build contexts",
        "s3:ListBucket",
        () -> {
          aws.s3().headBucket(ask -> ask.bucket(bucket));
          return bucket;
        },
        "Create the bucket in this region, or name another as s3_bucket; until then no image is"
            + " built.");
  }
}
