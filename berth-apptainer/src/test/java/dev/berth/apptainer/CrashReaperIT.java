package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.Sandbox;
import dev.berth.core.launch.LaunchedSandboxes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/**
 * Reapers in other processes, and what they find: living sandboxes, remains, and files that are
 * nobody's.
 */
@Timeout(180)
class CrashReaperIT {
  @Test
  void reapersNeverTouchWhatLives(TestReporter reporter) throws Exception {
    race(20, reporter);
  }

  @Test
  @Tag("soak")
  @Timeout(900)
  void reapersNeverTouchWhatLivesForLong(TestReporter reporter) throws Exception {
    race(300, reporter);
  }

  private static void race(int seconds, TestReporter reporter) throws Exception {
    try (CrashRig rig = CrashRig.open();
        LaunchedSandboxes sandboxes = rig.sandboxes()) {
      CrashJvm maker =
          rig.start("detach", "INSTANCE", TestImage.folder().toString(), "" + (seconds + 30));
      String descriptor = maker.line();
      assertThat(maker.exitCode()).isZero();
      List<CrashJvm> children = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        children.add(rig.start("reap", "INSTANCE", TestImage.folder().toString()));
        children.add(
            rig.start("cycle", i % 2 == 0 ? "INSTANCE" : "DIRECT", TestImage.folder().toString()));
      }
      TimeUnit.SECONDS.sleep(seconds);
      try (Sandbox detached =
          sandboxes.connect(descriptor, spec -> dev.berth.core.guest.Defaults.NONE)) {
        assertThat(detached.exec("echo still").stdout()).isEqualTo("still\n");
      }
      List<String> said = new ArrayList<>();
      for (CrashJvm child : children) {
        child.finish();
      }
      for (CrashJvm child : children) {
        said.addAll(child.rest());
        assertThat(child.exitCode()).isZero();
      }
      said.removeIf("ready"::equals);
      reporter.publishEntry("said", said.toString());
      assertThat(said).noneMatch(line -> line.contains("bad"));
      // A lease file between its making and its folder is nothing yet; all else that is reaped
      // would have been somebody's.
      assertThat(said).noneMatch(line -> line.contains("reaped"));
      assertThat(rig.stored()).as("the detached one").hasSize(2);
      await("the detached one's time to live")
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> rig.running().isEmpty());
      assertThat(sandboxes.reap()).hasSize(1);
      assertThat(rig.stored()).isEmpty();
    }
  }

  @Test
  void whatIsHalfThereIsClearedOrSaid(TestReporter reporter) throws Exception {
    try (CrashRig rig = CrashRig.open();
        LaunchedSandboxes sandboxes = rig.sandboxes()) {
      Path state = rig.state().root();
      rig.state().create("apptainer").release();
      rig.state()
          .list()
          .forEach(folder ->
              folder.delete(
                  dev.berth.core.state.FolderRemoval.with(
                      dev.berth.core.state.CacheHome.ofEnvironment())));
      Path outside = Files.createDirectory(rig.root().resolve("outside"));
      Files.writeString(outside.resolve("kept"), "kept");

      make(state, "aaaaaaaaaaaa", "");
      make(state, "aaaaaaaaaaab", "version=1\nid=aaaaaaaaaaab");
      make(state, "aaaaaaaaaaac", "\0\0\u00ff garbage \\u12");
      make(state, "aaaaaaaaaaad", null);
      make(state, "aaaaaaaaaaae", "version=99");
      Files.createDirectory(state.resolve("sandboxes/aaaaaaaaaaaf"));
      Files.createFile(state.resolve("leases/aaaaaaaaaaag"));
      Files.createSymbolicLink(state.resolve("sandboxes/aaaaaaaaaaah"), outside);
      Files.createSymbolicLink(make(state, "aaaaaaaaaaai", "").resolve("link"), outside);
      Files.createDirectory(make(state, "aaaaaaaaaaaj", "").resolve("record.new"));
      Files.createDirectory(state.resolve("sandboxes/aaaaaaaaaaak")).resolve("x").toFile().mkdir();
      Files.writeString(state.resolve("leases/aaaaaaaaaaak"), "another-host\n");
      Files.writeString(state.resolve("sandboxes/foreign file"), "not ours");
      Files.createDirectory(state.resolve("sandboxes/foreign"));
      Files.writeString(
          state.resolve("sandboxes/aaaaaaaaaaal"), "a file with the name of a sandbox");
      Path other = make(state, "aaaaaaaaaaam", "");
      Files.writeString(other.resolve("provider"), "local");

      List<String> report = sandboxes.reap();
      reporter.publishEntry("said", String.join("\n", report));
      assertThat(report)
          .filteredOn(line -> line.contains("cleared away"))
          .hasSizeGreaterThanOrEqualTo(8);
      assertThat(sandboxes.list()).allMatch(summary -> !summary.id().equals("aaaaaaaaaaaa"));
      assertThat(rig.stored())
          .containsExactlyInAnyOrder(
              "sandboxes/foreign file",
              "sandboxes/foreign",
              "sandboxes/aaaaaaaaaaal",
              "sandboxes/aaaaaaaaaaak",
              "leases/aaaaaaaaaaak",
              "sandboxes/aaaaaaaaaaam",
              "leases/aaaaaaaaaaam");
      assertThat(outside.resolve("kept")).hasContent("kept");
      assertThat(sandboxes.reap()).isEmpty();
    }
  }

  @Test
  @Tag("root")
  void whatIsOwnedByAnotherIsSaidAndLeft() throws Exception {
    // As root: gives a folder of a plain user's state home to root, and reaps as that user would.
    try (CrashRig rig = CrashRig.open();
        LaunchedSandboxes sandboxes = rig.sandboxes()) {
      rig.state().create("apptainer").release();
      sandboxes.reap();
      Path folder = make(rig.state().root(), "aaaaaaaaaaaa", "");
      Files.setAttribute(folder, "unix:uid", 12345, LinkOption.NOFOLLOW_LINKS);
      assertThat(sandboxes.reap()).hasSize(1);
      assertThat(rig.stored()).isEmpty();
    }
  }

  private static Path make(Path state, String id, String record) throws IOException {
    Path folder = Files.createDirectory(state.resolve("sandboxes").resolve(id));
    Files.writeString(folder.resolve("provider"), "apptainer");
    Files.createFile(state.resolve("leases").resolve(id));
    if (record != null) {
      Files.writeString(folder.resolve("record"), record);
    }
    return folder;
  }
}
