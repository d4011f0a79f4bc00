package dev.berth.fargate.images;

import dev.berth.RequestException;
import java.util.Optional;
import software.amazon.awssdk.services.codebuild.model.ArtifactsType;
import software.amazon.awssdk.services.codebuild.model.ComputeType;
import software.amazon.awssdk.services.codebuild.model.EnvironmentType;
import software.amazon.awssdk.services.codebuild.model.ImagePullCredentialsType;
import software.amazon.awssdk.services.codebuild.model.Project;
import software.amazon.awssdk.services.codebuild.model.ProjectArtifacts;
import software.amazon.awssdk.services.codebuild.model.ProjectEnvironment;
import software.amazon.awssdk.services.codebuild.model.ProjectSource;
import software.amazon.awssdk.services.codebuild.model.ResourceAlreadyExistsException;
import software.amazon.awssdk.services.codebuild.model.SourceType;
import software.amazon.awssdk.services.codebuild.model.Tag;

/**
 * The one CodeBuild project in which all builds of an account and region run. Each build brings all
 * that it needs; so the project is hardly more than a name and a role, and hosts with different
 * configurations do not take it away from each other.
 */
final class CodeBuildProject {
  /** The project's name where the configuration says none. */
  static final String NAME = "berth-images";

  /** Has Docker, the AWS CLI and tar; see AWS's list of images for CodeBuild. */
  static final String IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0";

  private static final Tag OURS = Tag.builder().key("berth:project").value("1").build();
  private static final String NO_BUILDSPEC =
      "version: 0.2\nphases: {build: {commands: ['echo each build brings its own; exit 1']}}\n";

  private final BuildClients clients;
  private final BuildSettings settings;

  CodeBuildProject(BuildClients clients, BuildSettings settings) {
    this.clients = clients;
    this.settings = settings;
  }

  /**
   * Makes it, unless another has or does; and corrects it if it is of our making and is not as it
   * should be. Without a service role it has to be there, and is left as it is; so is one that
   * somebody else has made.
   */
  void ensure() throws InterruptedException {
    String role = settings.serviceRole();
    if (role == null) {
      return;
    }
    Optional<Project> found = find();
    if (found.isEmpty()) {
      try {
        Calls.of(() ->
            clients
                .codebuild()
                .createProject(make ->
                    make.name(settings.projectName())
                        .description("Builds images for Berth. Shared; nothing is kept in it.")
                        .source(source())
                        .artifacts(artifacts())
                        .environment(environment())
                        .serviceRole(role)
                        .tags(OURS)));
        return;
      } catch (ResourceAlreadyExistsException e) {
        // Another was quicker.
        found = find();
      }
    }
    if (found.isPresent() && found.get().tags().contains(OURS) && differs(found.get(), role)) {
      Calls.of(() ->
          clients
              .codebuild()
              .updateProject(make ->
                  make.name(settings.projectName())
                      .source(source())
                      .artifacts(artifacts())
                      .environment(environment())
                      .serviceRole(role)
                      .tags(OURS)));
    }
  }

  /** What there is of it, for people. */
  String examine() throws InterruptedException {
    String name = settings.projectName();
    if (find().isPresent()) {
      return "project " + name;
    }
    if (settings.serviceRole() != null) {
      return "project " + name + " is made by the first build";
    }
    throw new RequestException(
        "Tried to find the CodeBuild project "
            + name
            + ", but there is none; create it, or set codebuild_service_role.");
  }

  private Optional<Project> find() throws InterruptedException {
    return Calls.of(
            () -> clients.codebuild().batchGetProjects(ask -> ask.names(settings.projectName())))
        .projects()
        .stream()
        .findFirst();
  }

  private static boolean differs(Project found, String role) {
    ProjectEnvironment environment = found.environment();
    return !role.equals(found.serviceRole())
        || environment == null
        || !IMAGE.equals(environment.image())
        || environment.type() != EnvironmentType.LINUX_CONTAINER
        || !Boolean.TRUE.equals(environment.privilegedMode())
        || found.source() == null
        || found.source().type() != SourceType.NO_SOURCE;
  }

  private static ProjectSource source() {
    return ProjectSource.builder().type(SourceType.NO_SOURCE).buildspec(NO_BUILDSPEC).build();
  }

  private static ProjectArtifacts artifacts() {
    return ProjectArtifacts.builder().type(ArtifactsType.NO_ARTIFACTS).build();
  }

  private static ProjectEnvironment environment() {
    return ProjectEnvironment.builder()
        .type(EnvironmentType.LINUX_CONTAINER)
        .image(IMAGE)
        .computeType(ComputeType.BUILD_GENERAL1_SMALL)
        .imagePullCredentialsType(ImagePullCredentialsType.CODEBUILD)
        // Docker in the build needs it.
        .privilegedMode(true)
        .build();
  }
}
