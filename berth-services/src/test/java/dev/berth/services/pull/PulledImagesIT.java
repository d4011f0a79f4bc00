package dev.berth.services.pull;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerImages;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.core.image.PullPolicy;
import dev.berth.core.state.CacheHome;
import dev.berth.services.openhands.ApptainerWorkspace;
import dev.berth.services.openhands.WorkspaceSpec;
import dev.berth.services.swerex.ApptainerDeployment;
import dev.berth.services.swerex.ApptainerDeploymentConfig;
import dev.berth.services.swerex.ExecuteRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Deployments and workspaces of an image that a real registry has: several at once fetch it once.
 * The image is a small one; the real servers are in folders bound at its {@code /usr}.
 */
@Timeout(180)
class PulledImagesIT {
  private static final int SEVERAL = 3;

  @TempDir static Path folder;
  private static Registry registry;

  @BeforeAll
  static void open() throws Exception {
    registry = new Registry(folder);
  }

  @AfterAll
  static void end() throws Exception {
    registry.close();
  }

  private static Path image(String variable) {
    String path = System.getenv(variable);
    assertThat(path).as(variable + ", see setup/").isNotBlank();
    return Path.of(path);
  }

  /** No https on loopback, and {@code tests.invalid} is a mirror's name for this registry. */
  private static ApptainerConfig config() {
    return ApptainerConfig.defaults()
        .with(
            new ApptainerConfig.Images(
                PullPolicy.MISSING,
                ApptainerConfig.Format.FOLDER,
                Map.of("docker://tests.invalid/", "docker://" + registry.host() + "/"),
                null,
                true));
  }

  private static <T> List<T> atOnce(Callable<T> call) throws Exception {
    List<T> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<T>> all = new ArrayList<>();
      for (int i = 0; i < SEVERAL; i++) {
        all.add(threads.submit(call));
      }
      for (Future<T> each : all) {
        results.add(each.get());
      }
    }
    return results;
  }

  @Test
  void deploymentsFetchTheirImageOnceAndTheLastRemovesIt() throws Exception {
    Path server = image("BERTH_SWEREX_IMAGE");
    registry.push("swe/image:1", image("BERTH_IMAGE"), List.of("/bin/sh"), List.of());
    ApptainerDeploymentConfig config =
        ApptainerDeploymentConfig.of("tests.invalid/swe/image:1")
            .withImages(PullPolicy.MISSING, true)
            .withApptainerArgs("--bind", server + "/usr:/usr:ro");
    List<ApptainerDeployment> deployments =
        atOnce(() -> {
          ApptainerDeployment deployment = new ApptainerDeployment(config, config());
          deployment.start();
          return deployment;
        });
    // One run of apptainer asks for the manifest once or twice.
    assertThat(registry.pulls("swe/image:1")).isBetween(1L, 2L);
    ApptainerImages images = new ApptainerProvider(config()).images();
    for (ApptainerDeployment each : deployments) {
      assertThat(each.runtime().execute(ExecuteRequest.of("echo", "hi")).stdout())
          .isEqualTo("hi\n");
      assertThat(listed(images)).isTrue();
      each.close();
    }
    assertThat(listed(images)).isFalse();
  }

  private static boolean listed(ApptainerImages images) throws InterruptedException {
    return images.list().stream()
        .anyMatch(image -> image.key().reference().contains("swe/image:1"));
  }

  @Test
  void workspacesFetchTheirImageOnce() throws Exception {
    Path server = image("BERTH_OPENHANDS_IMAGE");
    registry.push(
        "open/hands:1",
        server,
        List.of("/usr/bin/python3", "-m", "openhands.agent_server"),
        List.of("PATH=/usr/bin:/bin", "LITELLM_LOCAL_MODEL_COST_MAP=True"));
    Path cache = Files.createDirectory(folder.resolve("cache"));
    WorkspaceSpec spec =
        WorkspaceSpec.builder()
            .serverImage("tests.invalid/open/hands:1")
            .cacheDir(cache)
            .extraBindMounts(List.of(server + "/usr:/usr:ro"))
            .detachLogs(false)
            .build();
    List<ApptainerWorkspace> workspaces =
        atOnce(() -> ApptainerWorkspace.start(spec, config(), line -> {}));
    for (ApptainerWorkspace each : workspaces) {
      assertThat(each.server().execute("pwd").stdout()).isEqualTo("/workspace\n");
      each.close();
    }
    assertThat(registry.pulls("open/hands:1")).isBetween(1L, 2L);
    try (ApptainerProvider provider =
        new ApptainerProvider(config(), new CacheHome(cache), line -> {})) {
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
}
