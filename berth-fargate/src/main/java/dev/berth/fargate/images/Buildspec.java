package dev.berth.fargate.images;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.codebuild.model.EnvironmentVariable;
import software.amazon.awssdk.services.codebuild.model.EnvironmentVariableType;

/**
 * What CodeBuild runs. The texts are fixed: what differs from build to build comes as variables of
 * the environment, so that no name can become a command.
 */
final class Buildspec {
  /** The variable by which a build is told what it makes, and found by others who want that. */
  static final String IMAGE = "BERTH_IMAGE";

  private static final String LOG_IN =
      """
      version: 0.2
      phases:
        pre_build:
          commands:
            - |
              aws ecr get-login-password --region "$BERTH_REGION" | docker login --username AWS --password-stdin "$BERTH_REGISTRY"
            - |
              if [ -n "${BERTH_HUB_USER:-}" ]; then printf %s "$BERTH_HUB_PASSWORD" | docker login --username "$BERTH_HUB_USER" --password-stdin; fi
        build:
          commands:
      """;

  /** From the staged context. */
  static final String BUILD =
      LOG_IN
          + """
                - |
                  mkdir context && tar -xf context.tar -C context
                - |
                  docker build --tag "$BERTH_IMAGE" context
                - |
                  docker push "$BERTH_IMAGE"
          """;

  /** From another registry; for the processor that tasks have. */
  static final String MIRROR =
      LOG_IN
          + """
                - |
                  docker pull --platform linux/amd64 "$BERTH_SOURCE"
                - |
                  docker tag "$BERTH_SOURCE" "$BERTH_IMAGE" && docker push "$BERTH_IMAGE"
          """;

  private Buildspec() {}

  /**
   * The variables of one build. The secret's values are fetched by CodeBuild, and masked in logs.
   */
  static List<EnvironmentVariable> variables(
      String region, String url, @Nullable String source, @Nullable String hubSecret) {
    List<EnvironmentVariable> all = new ArrayList<>();
    all.add(plain(IMAGE, url));
    all.add(plain("BERTH_REGION", region));
    all.add(plain("BERTH_REGISTRY", url.substring(0, url.indexOf('/'))));
    if (source != null) {
      all.add(plain("BERTH_SOURCE", source));
    }
    if (hubSecret != null) {
      all.add(secret("BERTH_HUB_USER", hubSecret + ":username"));
      all.add(secret("BERTH_HUB_PASSWORD", hubSecret + ":password"));
    }
    return all;
  }

  private static EnvironmentVariable plain(String name, String value) {
    return EnvironmentVariable.builder()
        .name(name)
        .value(value)
        .type(EnvironmentVariableType.PLAINTEXT)
        .build();
  }

  private static EnvironmentVariable secret(String name, String value) {
    return EnvironmentVariable.builder()
        .name(name)
        .value(value)
        .type(EnvironmentVariableType.SECRETS_MANAGER)
        .build();
  }
}
