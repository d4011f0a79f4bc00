package dev.berth.fargate;

import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Of which image a sandbox is to be: one that is named, or one that is built from a folder.
 *
 * @param reference null: built, or as the base definition has it
 * @param folder with a Dockerfile; null: none is built
 * @param name begins the tag of what is built
 * @param force builds, or copies, also what is there
 */
record ImageChoice(@Nullable String reference, @Nullable Path folder, String name, boolean force) {
  private static final String TASK_ID = "task_id";
  private static final String FORCE = "force_build";
  private static final Set<String> OPTIONS = Set.of(TASK_ID, FORCE);

  /**
   * What spec and configuration say; AWS is not asked. The spec goes before the configuration.
   *
   * @throws RequestException if they say two things at once, or something that is no image
   */
  static ImageChoice of(FargateConfig config, SandboxSpec spec) {
    for (String option : spec.providerOptions().keySet()) {
      if (!OPTIONS.contains(option)) {
        throw wrong(
            "use the provider option '" + option + "'",
            "ecs_fargate knows only task_id and force_build.");
      }
    }
    boolean force = flag(spec);
    String image = spec.image();
    String folder = spec.environmentDir();
    if (image != null && folder != null) {
      throw wrong(
          "create a Fargate sandbox of both the image " + image + " and environment_dir " + folder,
          "it has one image; name one of the two.");
    }
    if (image != null) {
      return new ImageChoice(reference(image), null, "", force);
    }
    if (folder == null) {
      folder = config.environmentDir();
      if (folder != null && config.imageTemplate() != null) {
        throw wrong(
            "create a Fargate sandbox by a configuration with both environment_dir and"
                + " image_template",
            "both say its image; set one of the two, or name an image in the spec.");
      }
    }
    if (folder != null) {
      Path path = Path.of(folder);
      String id = id(spec);
      Path last = path.toAbsolutePath().normalize().getFileName();
      return new ImageChoice(
          null, path, id != null ? id : last == null ? "image" : last.toString(), force);
    }
    String template = config.imageTemplate();
    return new ImageChoice(template == null ? null : filled(template, spec), null, "", force);
  }

  /** The image that the task is given, built or copied first if need be. */
  @Nullable String provide(Place place, Consumer<String> progress) throws InterruptedException {
    FargateConfig config = place.config();
    if (folder != null) {
      return ImageBuilder.builds(config, place.aws()).build(folder, name, force, progress);
    }
    String named = reference;
    if (named != null && config.autoMirror() && config.ecrRepository() != null) {
      return ImageBuilder.builds(config, place.aws()).mirror(named, force, progress);
    }
    if (force) {
      throw wrong(
          "build or copy an image anew (force_build)",
          "there is nothing to build: the spec has no environment_dir, and without ecr_repository"
              + " and auto_mirror nothing is copied.");
    }
    return named;
  }

  private static boolean flag(SandboxSpec spec) {
    List<String> values = spec.providerOptions().getOrDefault(FORCE, List.of("false"));
    if (values.size() == 1 && (values.get(0).equals("true") || values.get(0).equals("false"))) {
      return values.get(0).equals("true");
    }
    throw wrong("read the provider option force_build " + values, "it is true or false.");
  }

  private static String reference(String image) {
    String bare = image.startsWith("docker://") ? image.substring("docker://".length()) : image;
    if (bare.startsWith("/") || bare.startsWith(".") || bare.contains("://")) {
      throw wrong(
          "use '" + image + "' as an image for Fargate",
          "it must be in a registry, as in 123456789012.dkr.ecr.us-west-2.amazonaws.com/name:tag.");
    }
    return bare;
  }

  private static @Nullable String id(SandboxSpec spec) {
    List<String> ids = spec.providerOptions().getOrDefault(TASK_ID, List.of());
    if (ids.size() > 1) {
      throw wrong("read the provider option task_id " + ids, "it has one value.");
    }
    return ids.isEmpty() ? null : ids.get(0);
  }

  private static String filled(String template, SandboxSpec spec) {
    if (!template.contains("{task_id}")) {
      return template;
    }
    String id = id(spec);
    if (id == null) {
      throw wrong(
          "fill image_template '" + template + "'",
          "the spec has no provider option task_id with one value; give it, or an image.");
    }
    return template.replace("{task_id}", id);
  }

  private static RequestException wrong(String tried, String why) {
    return new RequestException(
        FargateProvider.NAME, null, "Tried to " + tried + ", but " + why, null);
  }
}
