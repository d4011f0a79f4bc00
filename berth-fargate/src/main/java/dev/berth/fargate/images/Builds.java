package dev.berth.fargate.images;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.codebuild.model.Build;
import software.amazon.awssdk.services.codebuild.model.EnvironmentType;
import software.amazon.awssdk.services.codebuild.model.ImagePullCredentialsType;
import software.amazon.awssdk.services.codebuild.model.InvalidInputException;
import software.amazon.awssdk.services.codebuild.model.ResourceNotFoundException;
import software.amazon.awssdk.services.codebuild.model.SortOrderType;
import software.amazon.awssdk.services.codebuild.model.SourceType;
import software.amazon.awssdk.services.codebuild.model.StartBuildRequest;
import software.amazon.awssdk.services.codebuild.model.StatusType;

/** The builds of the project. */
final class Builds {
  /** Ten pages of a hundred: more than an account may have under way. */
  private static final int MOST_PAGES = 10;

  private static final Duration LEAST_QUEUED = Duration.ofMinutes(5);
  private static final Duration MOST_QUEUED = Duration.ofHours(8);

  private final BuildClients clients;
  private final BuildSettings settings;
  private final CodeBuildProject project;

  Builds(BuildClients clients, BuildSettings settings) {
    this.clients = clients;
    this.settings = settings;
    this.project = new CodeBuildProject(clients, settings);
  }

  /**
   * What the project's history says of an image.
   *
   * @param running a build of it that is under way
   * @param latest the id of the latest build of it; empty if none was found
   */
  record History(@Nullable Build running, String latest) {}

  History history(String url) throws InterruptedException {
    String latest = "";
    for (Build build : recent()) {
      if (makes(build, url)) {
        latest = latest.isEmpty() ? build.id() : latest;
        if (underWay(build)) {
          return new History(build, latest);
        }
      }
    }
    return new History(null, latest);
  }

  /** Those under way. */
  List<Build> running() throws InterruptedException {
    return recent().stream().filter(Builds::underWay).toList();
  }

  /** The latest first, at least as far back as one is under way. */
  private List<Build> recent() throws InterruptedException {
    List<Build> all = new ArrayList<>();
    String next = null;
    for (int pages = 0; pages < MOST_PAGES; pages++) {
      String token = next;
      List<String> ids;
      try {
        var page =
            Calls.of(() ->
                clients
                    .codebuild()
                    .listBuildsForProject(ask ->
                        ask.projectName(settings.projectName())
                            .sortOrder(SortOrderType.DESCENDING)
                            .nextToken(token)));
        ids = page.ids();
        next = page.nextToken();
      } catch (ResourceNotFoundException e) {
        // No project yet.
        return all;
      }
      if (ids.isEmpty()) {
        return all;
      }
      List<Build> builds =
          Calls.of(() -> clients.codebuild().batchGetBuilds(ask -> ask.ids(ids))).builds();
      all.addAll(builds);
      boolean any = builds.stream().anyMatch(Builds::underWay);
      if (next == null || !any) {
        return all;
      }
    }
    return all;
  }

  private static boolean makes(Build build, String url) {
    return build.environment() != null
        && build.environment().environmentVariables().stream()
            .anyMatch(each -> each.name().equals(Buildspec.IMAGE) && each.value().equals(url));
  }

  /**
   * Starts one. Who asks for the same at the same time, on whatever host, gets the same build: the
   * token says what is built and after which other build, and CodeBuild remembers it for five
   * minutes.
   *
   * <p>An interrupt that comes while it is started leaves the thread marked; the build is there.
   *
   * @param location of the staged context; null for a copy
   */
  Build start(Order order, String url, @Nullable String location, String latest)
      throws InterruptedException {
    project.ensure();
    StartBuildRequest.Builder ask =
        StartBuildRequest.builder()
            .projectName(settings.projectName())
            .idempotencyToken(BuildContext.sha256(url + "\n" + latest))
            .buildspecOverride(location == null ? Buildspec.MIRROR : Buildspec.BUILD)
            .environmentTypeOverride(EnvironmentType.LINUX_CONTAINER)
            .imageOverride(CodeBuildProject.IMAGE)
            .imagePullCredentialsTypeOverride(ImagePullCredentialsType.CODEBUILD)
            .computeTypeOverride(settings.computeType())
            .privilegedModeOverride(true)
            .timeoutInMinutesOverride((int) settings.timeout().toMinutes())
            .queuedTimeoutInMinutesOverride((int) queued(settings.timeout()).toMinutes())
            .environmentVariablesOverride(
                Buildspec.variables(clients.region(), url, order.source(), settings.hubSecret()));
    if (location == null) {
      ask.sourceTypeOverride(SourceType.NO_SOURCE);
    } else {
      ask.sourceTypeOverride(SourceType.S3).sourceLocationOverride(location);
    }
    if (settings.serviceRole() != null) {
      ask.serviceRoleOverride(settings.serviceRole());
    }
    try {
      return Calls.of(() -> send(ask.build()));
    } catch (InvalidInputException e) {
      // Another host may have started the same with other settings a moment ago.
      Build other = history(url).running();
      if (other == null) {
        throw e;
      }
      return other;
    } catch (ResourceNotFoundException e) {
      throw BuildFailures.refused(
          order.tried(),
          "there is no CodeBuild project "
              + settings.projectName()
              + " in "
              + clients.region()
              + "; create it, or set codebuild_service_role so that it is made.",
          e);
    }
  }

  /**
   * Sends it once, in a thread of its own, and waits for the answer also when interrupted: that
   * must not leave it open whether there is a build. The mark of the interrupt is kept.
   */
  private Build send(StartBuildRequest request) {
    FutureTask<Build> call =
        new FutureTask<>(() -> clients.codebuild().startBuild(request).build());
    Thread.ofVirtual().name("berth-start-build").start(call);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return call.get();
        } catch (InterruptedException e) {
          // The call has a time limit of its own.
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SdkException sdk) {
        throw sdk;
      }
      throw new IllegalStateException(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** How long a build may wait for its turn. */
  static Duration queued(Duration timeout) {
    Duration least = timeout.compareTo(LEAST_QUEUED) < 0 ? LEAST_QUEUED : timeout;
    return least.compareTo(MOST_QUEUED) > 0 ? MOST_QUEUED : least;
  }

  Optional<Build> find(String id) throws InterruptedException {
    return Calls.of(() -> clients.codebuild().batchGetBuilds(ask -> ask.ids(id))).builds().stream()
        .findFirst();
  }

  static boolean underWay(@Nullable Build build) {
    return build != null && build.buildStatus() == StatusType.IN_PROGRESS;
  }

  void stop(String id) throws InterruptedException {
    Calls.of(() -> clients.codebuild().stopBuild(ask -> ask.id(id)));
  }
}
