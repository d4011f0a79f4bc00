package dev.berth.fargate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What tests of image builds have in common. */
@ExtendWith(RigExtension.class)
@Timeout(300)
abstract class ImageBuilding {
  static final Duration LONG = Duration.ofSeconds(120);
  static FargateRig rig;
  static BuildRig builds;
  static Aws aws;

  @TempDir Path folder;

  @BeforeAll
  static void open() throws IOException {
    rig = RigExtension.rig();
    builds = rig.builds();
    aws = new Aws(FargateRig.REGION);
  }

  @AfterAll
  static void close() {
    aws.close();
  }

  @AfterEach
  void clear() throws Exception {
    builds.codebuild().clear();
    builds.bucket().clear();
    rig.proxy().endAll();
    rig.faults().clear();
  }

  /** A context whose image is the words; each is another image. */
  Path context(String name, String dockerfile) throws IOException {
    Path context = Files.createDirectories(folder.resolve(name));
    Files.writeString(context.resolve("Dockerfile"), dockerfile);
    Files.writeString(context.resolve("word"), folder + name + dockerfile);
    return context;
  }

  Path small(String name) throws IOException {
    return context(name, "FROM scratch\nCOPY word /word\n");
  }

  static String ensure(Path context, boolean force) throws InterruptedException {
    return ImageBuilder.ensureImageBuilt(
        BuildRig.config().environmentDir(context.toString()).build(), "env", force);
  }

  static int started() {
    return builds.codebuild().builds().size();
  }

  static List<String> sent(String operation) {
    return builds.codebuild().bodies().stream()
        .filter(body -> body.startsWith(operation + " "))
        .toList();
  }

  static String digest(String url) throws Exception {
    return builds.registry().digest(BuildRig.REPOSITORY, url.substring(url.lastIndexOf(':') + 1));
  }
}
