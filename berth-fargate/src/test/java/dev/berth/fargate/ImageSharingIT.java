package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Many who want one image: threads, other processes, and what stand for other hosts, processes that
 * share no cache folder.
 */
@Tag("rig")
@Tag("root")
class ImageSharingIT extends ImageBuilding {
  private final List<Process> children = new ArrayList<>();

  @AfterEach
  void end() {
    children.forEach(Process::destroyForcibly);
  }

  /** Another JVM that wants it; on another host if it has a cache folder of its own. */
  private Process child(Path context, Path cache) throws IOException {
    List<String> line =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    for (String name :
        List.of(
            FargateRig.ENDPOINT,
            FargateRig.SUBNET,
            FargateRig.GROUP,
            FargateRig.PUBLIC,
            FargateRig.PRIVATE,
            "aws.endpointUrlS3")) {
      line.add("-D" + name + "=" + System.getProperty(name));
    }
    line.addAll(
        List.of(
            "-Xmx128m",
            "-cp",
            System.getProperty("java.class.path"),
            EnsureImage.class.getName(),
            context.toString(),
            "env"));
    ProcessBuilder builder =
        new ProcessBuilder(line)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("child" + children.size()).toFile());
    if (cache != null) {
      builder.environment().put("BERTH_CACHE_HOME", cache.toString());
    }
    Process process = builder.start();
    children.add(process);
    return process;
  }

  private String said(int child) {
    try {
      return Files.readString(folder.resolve("child" + child));
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void manyThreadsProcessesAndHostsBuildOnce() throws Exception {
    Path context = small("once");
    CodeBuildRig.Hold hold = builds.codebuild().hold();
    for (Path cache : new Path[] {null, null, folder.resolve("c1"), folder.resolve("c2")}) {
      child(context, cache);
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        hold) {
      List<Future<String>> all = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        all.add(threads.submit(() -> ensure(context, false)));
      }
      await()
          .atMost(LONG)
          .until(() -> Stream.of(0, 1, 2, 3).allMatch(child -> said(child).contains(": QUEUED")));
      hold.close();
      String url = all.get(0).get(120, TimeUnit.SECONDS);
      assertThat(digest(url)).isNotNull();
      for (Future<String> one : all) {
        assertThat(one.get(120, TimeUnit.SECONDS)).isEqualTo(url);
      }
      for (int i = 0; i < 4; i++) {
        assertThat(children.get(i).waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(said(i)).contains("url: " + url);
      }
    }
    assertThat(started()).isEqualTo(1);
    assertThat(builds.bucket().keys()).isEmpty();
  }

  @Test
  void aFailedBuildFailsAllWhoWaitWithTheEndOfItsLog() throws Exception {
    Path context =
        context(
            "fails",
            "FROM " + FargateRig.MAIN_IMAGE + "\nRUN echo 'the reason is 42' >&2; exit 7\n");
    CodeBuildRig.Hold hold = builds.codebuild().hold();
    child(context, null);
    child(context, folder.resolve("c1"));
    List<Future<SandboxException>> all = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        hold) {
      for (int i = 0; i < 20; i++) {
        all.add(threads.submit(failing(context)));
      }
      await().atMost(LONG).until(() -> said(0).contains("QUEUED") && said(1).contains("QUEUED"));
      hold.close();
      for (Future<SandboxException> one : all) {
        assertThat(one.get(120, TimeUnit.SECONDS))
            .isInstanceOf(CreateException.class)
            .hasMessageContaining("FAILED in its phase BUILD")
            .hasMessageContaining("docker build")
            .hasMessageContaining("\n  the reason is 42");
      }
    }
    for (int i = 0; i < 2; i++) {
      assertThat(children.get(i).waitFor(120, TimeUnit.SECONDS)).isTrue();
      assertThat(said(i)).contains("failed: ").contains("\n  the reason is 42");
    }
    assertThat(started()).isEqualTo(1);
    // It is tried again by who asks later.
    assertThatThrownBy(() -> ensure(context, false)).isInstanceOf(CreateException.class);
    assertThat(started()).isEqualTo(2);
    assertThat(builds.bucket().keys()).isEmpty();
  }

  @Test
  void whenTheOneWhoBuildsIsInterruptedTheOthersStillGetIt() throws Exception {
    Path context = small("interrupted");
    CodeBuildRig.Hold hold = builds.codebuild().hold();
    AtomicReference<Throwable> first = new AtomicReference<>();
    Thread leader =
        Thread.ofVirtual()
            .start(() -> {
              try {
                ensure(context, false);
              } catch (InterruptedException | RuntimeException e) {
                first.set(e);
              }
            });
    await().atMost(LONG).until(() -> started() == 1);
    ConcurrentLinkedQueue<String> progress = new ConcurrentLinkedQueue<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        hold) {
      Future<String> other =
          threads.submit(() ->
              ImageBuilder.ensureImageBuilt(
                  BuildRig.config().environmentDir(context.toString()).build(),
                  "env",
                  false,
                  progress::add));
      await().atMost(LONG).until(() -> !progress.isEmpty());
      leader.interrupt();
      leader.join(Duration.ofSeconds(60));
      assertThat(first.get()).isInstanceOf(InterruptedException.class);
      hold.close();
      assertThat(digest(other.get(120, TimeUnit.SECONDS))).isNotNull();
    }
    assertThat(started()).isEqualTo(1);
  }

  @Test
  void whoIsInterruptedAloneLeavesNoBuildAndNothingStaged() throws Exception {
    Path context = small("alone");
    builds.codebuild().hold();
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread only =
        Thread.ofVirtual()
            .start(() -> {
              try {
                ensure(context, false);
              } catch (InterruptedException | RuntimeException e) {
                thrown.set(e);
              }
            });
    await().atMost(LONG).until(() -> !sent("BatchGetBuilds").isEmpty() && started() == 1);
    only.interrupt();
    only.join(Duration.ofSeconds(60));
    assertThat(thrown.get()).isInstanceOf(InterruptedException.class);
    assertThat(builds.codebuild().builds()).allMatch(build -> build.status().equals("STOPPED"));
    assertThat(builds.bucket().keys()).isEmpty();
  }

  @Test
  void aBuildWhoseStarterWasKilledIsJoined() throws Exception {
    Path context = small("killed");
    CodeBuildRig.Hold hold = builds.codebuild().hold();
    Process child = child(context, null);
    await().atMost(LONG).until(() -> said(0).contains(": QUEUED"));
    child.destroyForcibly().waitFor();
    assertThat(builds.bucket().keys()).hasSize(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        hold) {
      Future<String> here = threads.submit(() -> ensure(context, false));
      int before = sent("BatchGetBuilds").size();
      await().atMost(LONG).until(() -> sent("BatchGetBuilds").size() > before + 1);
      hold.close();
      assertThat(digest(here.get(120, TimeUnit.SECONDS))).isNotNull();
    }
    assertThat(started()).isEqualTo(1);
    assertThat(builds.bucket().keys()).isEmpty();
  }

  @Test
  void onlySoManyAreBuiltAtOnce() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        CodeBuildRig.Hold hold = builds.codebuild().hold()) {
      List<Future<String>> all = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        FargateConfig config =
            BuildRig.config()
                .environmentDir(small("many" + i).toString())
                .buildParallelism(2)
                .build();
        all.add(threads.submit(() -> ImageBuilder.ensureImageBuilt(config, "env", false)));
      }
      await().atMost(LONG).until(() -> started() == 2);
      int before = sent("BatchGetBuilds").size();
      await().atMost(LONG).until(() -> sent("BatchGetBuilds").size() > before + 6);
      assertThat(started()).isEqualTo(2);
      hold.close();
      for (Future<String> one : all) {
        assertThat(one.get(120, TimeUnit.SECONDS)).contains(BuildRig.ECR);
      }
    }
    assertThat(started()).isEqualTo(4);
  }

  private static Callable<SandboxException> failing(Path context) {
    return () -> {
      try {
        ensure(context, false);
        return null;
      } catch (SandboxException e) {
        return e;
      }
    };
  }
}
