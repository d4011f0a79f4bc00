package dev.berth.fargate;

import dev.berth.RequestException;
import dev.berth.core.state.CacheHome;
import dev.berth.fargate.images.BuildSettings;
import dev.berth.fargate.images.ImageBuilds;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Builds images in AWS: CodeBuild builds them, ECR keeps them. Safe from many threads, processes
 * and hosts, which together build each image once.
 */
public final class ImageBuilder {
  private ImageBuilder() {}

  /**
   * The full URL in ECR of the image that the configuration's {@code environment_dir} makes; built
   * if ECR has none of the folder's present content.
   *
   * @param environmentName begins the image's tag, for people; its content's hash follows
   * @param forceBuild builds it also if it is there; joins a build of it that is under way
   * @throws RequestException if a setting is missing or the folder is no build context
   * @throws dev.berth.CreateException if the build failed; its message ends with the log's end
   */
  public static String ensureImageBuilt(
      FargateConfig config, String environmentName, boolean forceBuild)
      throws InterruptedException {
    return ensureImageBuilt(config, environmentName, forceBuild, line -> {});
  }

  /** The same; {@code progress} takes lines for people: where the build is, and its log. */
  public static String ensureImageBuilt(
      FargateConfig config, String environmentName, boolean forceBuild, Consumer<String> progress)
      throws InterruptedException {
    String folder = config.environmentDir();
    if (folder == null) {
      throw new RequestException(
          FargateProvider.NAME,
          null,
          "Tried to build an image, but the configuration names no environment_dir; set it to a"
              + " folder with a Dockerfile.",
          null);
    }
    try (Aws aws = new Aws(config.region())) {
      return builds(Discovery.complete(config, aws), aws)
          .build(Path.of(folder), environmentName, forceBuild, progress);
    }
  }

  /** What builds by a complete configuration. */
  static ImageBuilds builds(FargateConfig config, Aws aws) {
    return new ImageBuilds(
        aws,
        new BuildSettings(
            config.ecrRepository(),
            config.s3Bucket(),
            config.s3Prefix(),
            config.codebuildProject(),
            config.codebuildServiceRole(),
            config.codebuildComputeType(),
            config.codebuildBuildTimeout(),
            config.dockerhubSecretArn(),
            config.buildParallelism(),
            config.pollInterval()),
        CacheHome.ofEnvironment().root().resolve("builds"));
  }
}
