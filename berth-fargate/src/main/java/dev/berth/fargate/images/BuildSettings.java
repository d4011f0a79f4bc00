package dev.berth.fargate.images;

import dev.berth.RequestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where images are built, and by what. What is null here is asked for only by what needs it.
 *
 * @param repository an ECR repository, by its name or its URI
 * @param bucket where build contexts are staged
 * @param prefix begins the names of what is staged
 * @param project the CodeBuild project; null: {@link CodeBuildProject#NAME}
 * @param serviceRole whom builds act as; null: whom the project, which then must exist, says
 * @param computeType on what builds run
 * @param timeout of one build, and also how long it may wait for its turn
 * @param hubSecret the ARN of a secret with {@code username} and {@code password} for Docker Hub
 * @param parallelism how many builds this JVM has under way at once
 * @param poll the pause between two questions about a build
 */
public record BuildSettings(
    @Nullable String repository,
    @Nullable String bucket,
    @Nullable String prefix,
    @Nullable String project,
    @Nullable String serviceRole,
    String computeType,
    Duration timeout,
    @Nullable String hubSecret,
    int parallelism,
    Duration poll) {

  /** Refuses to do something for which a setting is missing, and names those. */
  void check(String tried, boolean staged) {
    List<String> missing = new ArrayList<>();
    if (repository == null) {
      missing.add("ecr_repository");
    }
    if (staged && bucket == null) {
      missing.add("s3_bucket");
    }
    if (project == null && serviceRole == null) {
      missing.add("codebuild_service_role (or codebuild_project, one that has a role)");
    }
    if (!missing.isEmpty()) {
      throw new RequestException(
          "Tried to "
              + tried
              + ", but the configuration names no "
              + String.join(" and no ", missing)
              + "; set that, or have the discovered SSM parameter say it"
              + (staged ? "." : ", or set auto_mirror to false."));
    }
  }

  String projectName() {
    return project == null ? CodeBuildProject.NAME : project;
  }

  /** The prefix of all staged contexts: nobody else's objects stand below it. */
  String stagePrefix() {
    String before = prefix == null ? "" : prefix.replaceAll("^/+|/+$", "");
    return (before.isEmpty() ? "" : before + "/") + "berth-contexts/";
  }
}
