package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
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
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.codebuild.model.Project;

/** Images that are really built, pushed to a real registry, and run. */
@Tag("rig")
@Tag("root")
class ImageBuilderIT extends ImageBuilding {
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
        .contains("WARNING", "nobodys-bucket");
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
