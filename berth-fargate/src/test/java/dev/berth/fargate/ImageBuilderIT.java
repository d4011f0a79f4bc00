package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.codebuild.model.Project;

/** Images that are really built, pushed to a real registry, and run. */
@Tag("rig")
@Tag("root")
@ExtendWith(RigExtension.class)
@Timeout(300)
class ImageBuilderIT {
  private static final Duration LONG = Duration.ofSeconds(120);
  private static FargateRig rig;
  private static BuildRig builds;
  private static Aws aws;

  @TempDir Path folder;
  private final List<Process> children = new ArrayList<>();

  @BeforeAll
  static void open() throws IOException {
    rig = RigExtension.rig();
    builds = new BuildRig(rig);
    aws = new Aws(FargateRig.REGION);
  }

  @AfterAll
  static void close() {
    aws.close();
    builds.close();
  }

  @AfterEach
  void clear() throws Exception {
    children.forEach(Process::destroyForcibly);
    builds.codebuild().clear();
    builds.bucket().clear();
    rig.proxy().endAll();
    rig.faults().clear();
  }

  /** A context whose image is the words; each is another image. */
  private Path context(String name, String dockerfile) throws IOException {
    Path context = Files.createDirectories(folder.resolve(name));
    Files.writeString(context.resolve("Dockerfile"), dockerfile);
    Files.writeString(context.resolve("word"), folder + name + dockerfile);
    return context;
  }

  private Path small(String name) throws IOException {
    return context(name, "FROM scratch\nCOPY word /word\n");
  }

  private static String ensure(Path context, boolean force) throws InterruptedException {
    return ImageBuilder.ensureImageBuilt(
        BuildRig.config().environmentDir(context.toString()).build(), "env", force);
  }

  private static int started() {
    return builds.codebuild().builds().size();
  }

  private static List<String> sent(String operation) {
    return builds.codebuild().bodies().stream()
        .filter(body -> body.startsWith(operation + " "))
        .toList();
  }

  private static String digest(String url) throws Exception {
    return builds.registry().digest(BuildRig.REPOSITORY, url.substring(url.lastIndexOf(':') + 1));
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
  void aBuiltImageRunsACommandThatOnlyItHas() throws Exception {
    Path context =
        context(
            "hello",
            "FROM "
                + FargateRig.MAIN_IMAGE
                + "\nCOPY --chown=0:0 bin/ /usr/local/bin/\n"
                + "RUN echo built for real > /etc/berth-built\n");
    Path program = Files.createDirectories(context.resolve("bin")).resolve("hello-berth");
    Files.writeString(program, "#!/bin/sh\necho hello from $(cat /etc/berth-built)\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    Files.createSymbolicLink(context.resolve("bin/again"), Path.of("hello-berth"));
    ConcurrentLinkedQueue<String> progress = new ConcurrentLinkedQueue<>();
    SandboxSpec spec = SandboxSpec.builder().environmentDir(context.toString()).build();
    try (FargateProvider provider =
            new FargateProvider(
                BuildRig.config().dockerhubSecretArn(builds.hubSecret()).build(), progress::add);
        Sandbox sandbox = provider.create(spec)) {
      assertThat(sandbox.exec("hello-berth").stdout()).isEqualTo("hello from built for real\n");
      assertThat(sandbox.exec("again").stdout()).isEqualTo("hello from built for real\n");
      assertThat(started()).isEqualTo(1);
      try (Sandbox second = provider.create(spec)) {
        assertThat(second.exec("hello-berth").returnCode()).isZero();
      }
    }
    assertThat(started()).isEqualTo(1);
    assertThat(progress)
        .anyMatch(line -> line.contains("docker build"))
        .anyMatch(line -> line.contains("echo built for real"))
        .anyMatch(line -> line.endsWith(": COMPLETED"))
        .noneMatch(line -> line.contains(ImageRegistry.HUB_PASSWORD));
    assertThat(builds.bucket().keys()).isEmpty();
    // What is staged is read by CodeBuild's role: there is no URL that could expire or leak.
    assertThat(builds.codebuild().bodies())
        .noneMatch(body -> body.contains("X-Amz-") || body.contains(ImageRegistry.HUB_PASSWORD));
  }

  @Test
  void whatTheConfigurationSaysOfBuildsReachesThem() throws Exception {
    ImageBuilder.ensureImageBuilt(
        BuildRig.config()
            .environmentDir(small("settings").toString())
            .codebuildComputeType("BUILD_GENERAL1_LARGE")
            .codebuildBuildTimeout(Duration.ofMinutes(7))
            .codebuildProject("theirs-to-be")
            .s3Prefix("/deep/er/")
            .build(),
        "A name/with:signs",
        false);
    String sent = sent("StartBuild").get(0);
    assertThat(sent)
        .contains("\"computeTypeOverride\":\"BUILD_GENERAL1_LARGE\"")
        .contains("\"timeoutInMinutesOverride\":7")
        .contains("\"projectName\":\"theirs-to-be\"")
        .contains("\"serviceRoleOverride\":\"" + BuildRig.ROLE + "\"")
        .contains("\"sourceLocationOverride\":\"" + ImageBucket.NAME + "/deep/er/berth-contexts/")
        .containsPattern(
            "BERTH_IMAGE.{1,20}" + BuildRig.ECR + "/berth-images:A-name-with-signs-[0-9a-f]{64}");
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
  void whatIsThereIsNotBuiltUnlessForced() throws Exception {
    Path context = small("forced");
    String url = ensure(context, false);
    assertThat(ensure(context, false)).isEqualTo(url);
    assertThat(started()).isEqualTo(1);
    assertThat(ensure(context, true)).isEqualTo(url);
    assertThat(started()).isEqualTo(2);
    Files.setPosixFilePermissions(
        context.resolve("word"), PosixFilePermissions.fromString("rwxr-xr-x"));
    assertThat(ensure(context, false)).isNotEqualTo(url);
    assertThat(started()).isEqualTo(3);
  }

  @Test
  void throttlingAndALostAnswerLeadToOneBuild() throws Exception {
    Faults.Call slow = Faults.Call.THROTTLED;
    rig.faults().next("StartBuild", slow, slow, slow, slow, Faults.Call.ANSWER_LOST);
    rig.faults().next("BatchGetBuilds", slow, slow, slow, slow);
    rig.faults().next("DescribeRepositories", slow, slow, slow, slow);
    rig.faults().next("DescribeImages", slow, slow, slow, slow);
    rig.faults().next("ListBuildsForProject", slow, slow, slow, slow);
    assertThat(digest(ensure(small("throttled"), false))).isNotNull();
    assertThat(started()).isEqualTo(1);
    rig.faults().next("StartBuild", Faults.Call.NO_CAPACITY, Faults.Call.NO_CAPACITY);
    assertThat(digest(ensure(small("full"), false))).isNotNull();
    rig.faults().next("StartBuild", Faults.Call.DENIED);
    assertThatThrownBy(() -> ensure(small("denied"), false))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("not authorized");
    assertThat(builds.bucket().keys()).isEmpty();
  }

  @Test
  void codeBuildsOwnFaultIsTriedAgainAndATimeoutIsNot() throws Exception {
    builds.codebuild().next("FAULT");
    assertThat(digest(ensure(small("fault"), false))).isNotNull();
    assertThat(started()).isEqualTo(2);
    builds.codebuild().next("TIMED_OUT");
    assertThatThrownBy(() -> ensure(small("late"), false))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("codebuild_build_timeout");
    assertThat(started()).isEqualTo(3);
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

  @Test
  void aPublicImageIsCopiedOnce() throws Exception {
    Path context =
        context("public", "FROM " + FargateRig.MAIN_IMAGE + "\nCOPY word /from-the-hub\n");
    builds.publish("library/hello:3", context);
    FargateConfig config = BuildRig.config().dockerhubSecretArn(builds.hubSecret()).build();
    SandboxSpec spec = SandboxSpec.builder().image("hello:3").build();
    try (FargateProvider provider = new FargateProvider(config)) {
      for (int i = 0; i < 2; i++) {
        try (Sandbox sandbox = provider.create(spec)) {
          assertThat(sandbox.exec("test -e /from-the-hub").returnCode()).isZero();
        }
      }
      assertThat(started()).isEqualTo(1);
      assertThat(sent("StartBuild").get(0))
          .contains("docker.io/library/hello:3")
          .contains("SECRETS_MANAGER")
          .contains("\"NO_SOURCE\"");
      assertThatThrownBy(() -> provider.create(SandboxSpec.builder().image("not-there:1").build()))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("copy the image docker.io/library/not-there:1");
    }
    assertThat(builds.bucket().keys()).isEmpty();
  }

  @Test
  void theProjectIsMadeOnceCorrectedIfOursAndLeftAloneIfNot() throws Exception {
    FargateConfig.Builder config = BuildRig.config().codebuildProject("shared-project");
    List<Callable<String>> all = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      FargateConfig one = config.environmentDir(small("project" + i).toString()).build();
      all.add(() -> ImageBuilder.ensureImageBuilt(one, "env", false));
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<String> one : threads.invokeAll(all)) {
        assertThat(one.get()).contains(BuildRig.ECR);
      }
    }
    assertThat(sent("UpdateProject")).isEmpty();
    String other = BuildRig.ROLE + "-2";
    ImageBuilder.ensureImageBuilt(
        config.codebuildServiceRole(other).environmentDir(small("role").toString()).build(),
        "env",
        false);
    assertThat(sent("UpdateProject")).hasSize(1);
    assertThat(project("shared-project").serviceRole()).isEqualTo(other);

    aws.codebuild()
        .createProject(make ->
            make.name("not-ours")
                .source(source -> source.type("NO_SOURCE").location("none"))
                .artifacts(artifacts -> artifacts.type("NO_ARTIFACTS"))
                .environment(env ->
                    env.type("LINUX_CONTAINER")
                        .image("theirs:1")
                        .computeType("BUILD_GENERAL1_SMALL"))
                .serviceRole(BuildRig.ROLE));
    ImageBuilder.ensureImageBuilt(
        config.codebuildProject("not-ours").environmentDir(small("theirs").toString()).build(),
        "env",
        false);
    assertThat(project("not-ours").environment().image()).isEqualTo("theirs:1");
    FargateConfig none =
        FargateRig.execServer()
            .ecrRepository(BuildRig.REPOSITORY)
            .s3Bucket(ImageBucket.NAME)
            .codebuildProject("nobodys")
            .environmentDir(small("nobodys").toString())
            .build();
    assertThatThrownBy(() -> ImageBuilder.ensureImageBuilt(none, "env", false))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("there is no CodeBuild project nobodys");
  }

  private static Project project(String name) {
    return aws.codebuild().batchGetProjects(ask -> ask.names(name)).projects().get(0);
  }

  @Test
  void gcDeletesStagedContextsThatAreNobodys() throws Exception {
    String old = "stage/berth-contexts/" + "a".repeat(64) + ".zip";
    String young = "stage/berth-contexts/" + "b".repeat(64) + ".zip";
    String foreign = "stage/something-else";
    for (String key : List.of(old, young, foreign)) {
      builds.bucket().put(key);
    }
    builds.bucket().age(old, Duration.ofHours(2));
    builds.bucket().age(foreign, Duration.ofHours(2));
    Path context = small("in-use");
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        FargateProvider provider = new FargateProvider(BuildRig.config().build());
        CodeBuildRig.Hold hold = builds.codebuild().hold()) {
      Future<String> building = threads.submit(() -> ensure(context, false));
      await().atMost(LONG).until(() -> started() == 1);
      String used =
          builds.bucket().keys().stream()
              .filter(key -> !List.of(old, young, foreign).contains(key))
              .findFirst()
              .orElseThrow();
      builds.bucket().age(used, Duration.ofHours(2));
      assertThat(provider.reap())
          .filteredOn(line -> line.startsWith("s3:"))
          .containsExactly("s3://berth-staging/" + old + ": deleted");
      assertThat(builds.bucket().keys()).containsExactlyInAnyOrder(young, foreign, used);
      hold.close();
      building.get(120, TimeUnit.SECONDS);
    }
    assertThat(builds.bucket().keys()).containsExactlyInAnyOrder(young, foreign);
  }

  @Test
  void theDoctorLooksAtWhatBuilds() {
    assertThat(new FargateDoctor(BuildRig.config().codebuildProject("unmade").build()).examine())
        .filteredOn(finding -> finding.subject().equals("image builds"))
        .singleElement()
        .asString()
        .contains("OK", BuildRig.REPOSITORY, ImageBucket.NAME, "unmade is made by the first build");
    assertThat(new FargateDoctor(BuildRig.config().s3Bucket("nobodys-bucket").build()).examine())
        .filteredOn(finding -> finding.subject().equals("image builds"))
        .singleElement()
        .asString()
        .contains("FAILURE");
  }

  @Test
  void aRepositoryThatIsNotThereIsSaid() throws Exception {
    FargateConfig config =
        BuildRig.config().ecrRepository("nobodys").environmentDir(small("r").toString()).build();
    assertThatThrownBy(() -> ImageBuilder.ensureImageBuilt(config, "env", false))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("ECR repository nobodys");
  }
}
