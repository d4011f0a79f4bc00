package dev.berth.fargate.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.CreateException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.cloudwatchlogs.CloudWatchLogsClient;
import software.amazon.awssdk.services.cloudwatchlogs.model.GetLogEventsRequest;
import software.amazon.awssdk.services.cloudwatchlogs.model.GetLogEventsResponse;
import software.amazon.awssdk.services.codebuild.CodeBuildClient;
import software.amazon.awssdk.services.codebuild.model.BatchGetBuildsRequest;
import software.amazon.awssdk.services.codebuild.model.BatchGetBuildsResponse;
import software.amazon.awssdk.services.codebuild.model.Build;
import software.amazon.awssdk.services.codebuild.model.CodeBuildException;
import software.amazon.awssdk.services.codebuild.model.ListBuildsForProjectRequest;
import software.amazon.awssdk.services.codebuild.model.ListBuildsForProjectResponse;
import software.amazon.awssdk.services.codebuild.model.StartBuildRequest;
import software.amazon.awssdk.services.codebuild.model.StartBuildResponse;
import software.amazon.awssdk.services.codebuild.model.StatusType;
import software.amazon.awssdk.services.codebuild.model.StopBuildRequest;
import software.amazon.awssdk.services.codebuild.model.StopBuildResponse;
import software.amazon.awssdk.services.ecr.EcrClient;
import software.amazon.awssdk.services.ecr.model.DescribeImagesRequest;
import software.amazon.awssdk.services.ecr.model.DescribeImagesResponse;
import software.amazon.awssdk.services.ecr.model.DescribeRepositoriesRequest;
import software.amazon.awssdk.services.ecr.model.DescribeRepositoriesResponse;
import software.amazon.awssdk.services.s3.S3Client;

/** Moments that no rig can be held in. */
@Timeout(60)
class MakingTest {
  private static final Build BEGUN =
      Build.builder().id("build").buildStatus(StatusType.IN_PROGRESS).build();

  @TempDir Path locks;
  private final Queue<Supplier<Build>> looks = new ConcurrentLinkedQueue<>();
  private final Queue<String> stopped = new ConcurrentLinkedQueue<>();
  private final CountDownLatch starting = new CountDownLatch(1);
  private final CountDownLatch start = new CountDownLatch(1);

  private final class Builder implements CodeBuildClient {
    @Override
    public ListBuildsForProjectResponse listBuildsForProject(ListBuildsForProjectRequest ask) {
      return ListBuildsForProjectResponse.builder().ids(List.of()).build();
    }

    @Override
    public StartBuildResponse startBuild(StartBuildRequest ask) {
      starting.countDown();
      try {
        start.await();
      } catch (InterruptedException e) {
        throw SdkClientException.create("cut off", e);
      }
      return StartBuildResponse.builder().build(BEGUN).build();
    }

    @Override
    public BatchGetBuildsResponse batchGetBuilds(BatchGetBuildsRequest ask) {
      return BatchGetBuildsResponse.builder().builds(looks.remove().get()).build();
    }

    @Override
    public StopBuildResponse stopBuild(StopBuildRequest ask) {
      stopped.add(ask.id());
      return StopBuildResponse.builder().build();
    }

    @Override
    public String serviceName() {
      return SERVICE_NAME;
    }

    @Override
    public void close() {}
  }

  private static final class Registry implements EcrClient {
    @Override
    public DescribeRepositoriesResponse describeRepositories(DescribeRepositoriesRequest ask) {
      return DescribeRepositoriesResponse.builder()
          .repositories(found -> found.repositoryUri("registry/images"))
          .build();
    }

    @Override
    public DescribeImagesResponse describeImages(DescribeImagesRequest ask) {
      return DescribeImagesResponse.builder().imageDetails(List.of()).build();
    }

    @Override
    public String serviceName() {
      return SERVICE_NAME;
    }

    @Override
    public void close() {}
  }

  /** A log that is longer than anybody reads. */
  private static final class Logs implements CloudWatchLogsClient {
    @Override
    public GetLogEventsResponse getLogEvents(GetLogEventsRequest ask) {
      String message = ask.startFromHead() ? "some line" : "the last line";
      return GetLogEventsResponse.builder()
          .events(event -> event.message(message))
          .nextForwardToken("next")
          .build();
    }

    @Override
    public String serviceName() {
      return SERVICE_NAME;
    }

    @Override
    public void close() {}
  }

  private String copy() throws InterruptedException {
    Builder builder = new Builder();
    Registry registry = new Registry();
    Logs logs = new Logs();
    BuildClients clients =
        new BuildClients() {
          @Override
          public String region() {
            return "us-west-2";
          }

          @Override
          public EcrClient ecr() {
            return registry;
          }

          @Override
          public CodeBuildClient codebuild() {
            return builder;
          }

          @Override
          public S3Client s3() {
            throw new UnsupportedOperationException();
          }

          @Override
          public CloudWatchLogsClient logs() {
            return logs;
          }
        };
    BuildSettings settings =
        new BuildSettings(
            "images",
            null,
            null,
            "project",
            null,
            "BUILD_GENERAL1_SMALL",
            Duration.ofMinutes(1),
            null,
            1,
            Duration.ofMillis(1));
    return new ImageBuilds(clients, settings, locks).mirror("debian:12", false, line -> {});
  }

  @Test
  void aBuildThatCannotBeAskedAboutForAMomentGoesOn() throws Exception {
    start.countDown();
    looks.add(() -> {
      throw SdkClientException.create("the network is down");
    });
    looks.add(() -> BEGUN);
    looks.add(() -> {
      throw CodeBuildException.builder().statusCode(503).message("not now").build();
    });
    looks.add(() -> BEGUN.toBuilder().buildStatus(StatusType.SUCCEEDED).build());
    assertThat(copy()).startsWith("registry/images:mirror-");
    assertThat(looks).isEmpty();
    assertThat(stopped).isEmpty();
  }

  @Test
  void aBuildThatMayNotBeAskedAboutIsStopped() {
    start.countDown();
    looks.add(() -> {
      throw CodeBuildException.builder().statusCode(403).message("not you").build();
    });
    assertThatThrownBy(this::copy)
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("not you");
    assertThat(stopped).containsExactly("build");
  }

  @Test
  void anInterruptWhileABuildIsStartedLeavesNone() throws Exception {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread only =
        Thread.ofVirtual()
            .start(() -> {
              try {
                copy();
              } catch (InterruptedException | RuntimeException e) {
                thrown.set(e);
              }
            });
    starting.await();
    only.interrupt();
    start.countDown();
    only.join();
    assertThat(thrown.get()).isInstanceOf(InterruptedException.class);
    assertThat(stopped).containsExactly("build");
  }

  @Test
  void theErrorHasTheEndOfALogOfAnyLength() {
    start.countDown();
    looks.add(() ->
        BEGUN.toBuilder()
            .buildStatus(StatusType.FAILED)
            .logs(log -> log.groupName("group").streamName("stream"))
            .build());
    assertThatThrownBy(this::copy)
        .isInstanceOf(CreateException.class)
        .hasMessageEndingWith("Its log ends:\n  the last line");
  }
}
