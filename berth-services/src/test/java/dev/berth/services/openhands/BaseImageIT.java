package dev.berth.services.openhands;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.CreateException;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.core.state.CacheHome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Builds the server into an image that lacks it, with the wheels from the machine's own index. */
class BaseImageIT {
  private Path folder;

  @BeforeEach
  void folder() throws Exception {
    folder = Files.createTempDirectory(Path.of(System.getProperty("user.home")), "berth-base-");
  }

  @AfterEach
  void delete() throws Exception {
    run("chmod -R u+rwX " + folder + "; rm -rf " + folder);
  }

  private static void run(String line) throws Exception {
    assertThat(new ProcessBuilder("sh", "-c", line).inheritIO().start().waitFor()).isZero();
  }

  /** Soak: 90 MB of wheels are fetched and installed, which takes a minute or two. */
  @Test
  @Tag("soak")
  void twoWorkspacesOfOneBaseBuildItOnce() throws Exception {
    Path base = Files.createDirectory(folder.resolve("base"));
    // The tests' image without what the build is to put there.
    run(
        "tar -C "
            + System.getenv("BERTH_OPENHANDS_IMAGE")
            + " --exclude=./usr/local/lib --exclude=./.singularity.d"
            + " --exclude=./root --exclude=./etc/ssl/private -cf - . | tar -C "
            + base
            + " -xf -; mkdir "
            + base
            + "/root");
    Path cache = folder.resolve("cache");
    WorkspaceSpec spec =
        WorkspaceSpec.builder()
            .baseImage(base.toString())
            .cacheDir(cache)
            .detachLogs(false)
            .build();
    List<String> lines = Collections.synchronizedList(new ArrayList<>());
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<ApptainerWorkspace>> starting = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        starting.add(threads.submit(() -> ApptainerWorkspace.start(spec, lines::add)));
      }
      for (Future<ApptainerWorkspace> each : starting) {
        try (ApptainerWorkspace workspace = each.get()) {
          assertThat(
                  workspace
                      .server()
                      .execute("pwd; command -v git; command -v tmux; command -v ps")
                      .stdout())
              .isEqualTo("/workspace\n/usr/bin/git\n/usr/bin/tmux\n/usr/bin/ps\n");
          assertThat(workspace.server().info().path("version").asString()).isEqualTo("1.58.0");
          // Nothing of the host's settings stays in it.
          assertThat(workspace.sandbox().exec("ls -d /.berth-build").returnCode()).isNotZero();
        }
      }
    }
    assertThat(lines).isNotEmpty();
    try (ApptainerProvider provider =
        new ApptainerProvider(ApptainerConfig.defaults(), new CacheHome(cache), line -> {})) {
      assertThat(provider.images().list()).hasSize(1);
      assertThat(
              provider
                  .images()
                  .remove(
                      provider.images().list().getFirst().key().reference(),
                      Duration.ofSeconds(10)))
          .isTrue();
    }
  }

  @Test
  void aBaseWithoutPythonFailsAndLeavesNoImage() throws Exception {
    Path base = Files.createDirectory(folder.resolve("base"));
    // Its Python is 3.11.
    run(
        "cd "
            + System.getenv("BERTH_IMAGE")
            + " && tar --exclude=./usr/lib/python3* --exclude=./.singularity.d"
            + " --exclude=./root --exclude=./etc/ssl/private -cf - . | tar -C "
            + base
            + " -xf -; mkdir "
            + base
            + "/root");
    Path cache = folder.resolve("cache");
    WorkspaceSpec spec = WorkspaceSpec.builder().baseImage(base.toString()).cacheDir(cache).build();
    assertThatThrownBy(() -> ApptainerWorkspace.start(spec))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("no Python 3.12 or newer");
    try (ApptainerProvider provider =
        new ApptainerProvider(ApptainerConfig.defaults(), new CacheHome(cache), line -> {})) {
      assertThat(provider.images().list()).isEmpty();
    }
  }
}
