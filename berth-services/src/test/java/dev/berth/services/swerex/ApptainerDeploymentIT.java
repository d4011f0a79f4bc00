package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.core.image.PullPolicy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real server in a real Apptainer image. */
@Timeout(120)
class ApptainerDeploymentIT {
  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir Path home;
  private final List<String> steps = new CopyOnWriteArrayList<>();

  private ApptainerDeployment deployment(ApptainerDeploymentConfig config) {
    ApptainerDeployment deployment =
        new ApptainerDeployment(config, ApptainerConfig.defaults(), home);
    deployment.addHook(steps::add);
    return deployment;
  }

  private static SwerexException fails(Failure failure, ThrowingCallable call) {
    SwerexException e = catchThrowableOfType(SwerexException.class, call);
    assertThat(e).isNotNull();
    assertThat(e.failure()).as(e.getMessage()).isEqualTo(failure);
    return e;
  }

  @Test
  void startsAndStopsAndStartsAgain() throws Exception {
    ApptainerDeployment deployment = deployment(SwerexImage.config());
    fails(Failure.DEPLOYMENT_NOT_STARTED, deployment::runtime);
    fails(Failure.DEPLOYMENT_NOT_STARTED, deployment::isAlive);
    deployment.stop();
    deployment.start();
    assertThat(deployment.isAlive()).isEqualTo(new Liveness(true, ""));
    assertThatThrownBy(deployment::start).isInstanceOf(RequestException.class);
    assertThat(deployment.runtime().execute(ExecuteRequest.of("echo", "hi")).stdout())
        .isEqualTo("hi\n");
    assertThat(steps)
        .contains("Starting runtime")
        .anyMatch(step -> step.startsWith("Runtime started at http://127.0.0.1:"));
    int port = deployment.service().port();
    RemoteRuntime runtime = deployment.runtime();
    deployment.stop();
    deployment.stop();
    assertThat(runtime.isAlive().alive()).isFalse();
    assertFree(port);
    fails(Failure.DEPLOYMENT_NOT_STARTED, deployment::runtime);
    deployment.start();
    assertThat(deployment.isAlive().alive()).isTrue();
    deployment.close();
  }

  @Test
  void listensOnLoopbackWithAKeyThatNobodySees() throws Exception {
    int port = freePort();
    try (ApptainerDeployment deployment = deployment(SwerexImage.config().withPort(port))) {
      deployment.start();
      assertThat(deployment.service().endpoint().url()).hasToString("http://127.0.0.1:" + port);
      for (InetAddress address :
          InetAddress.getAllByName(InetAddress.getLocalHost().getHostName())) {
        if (!address.isLoopbackAddress()) {
          assertThatThrownBy(() -> new Socket(address, port).close())
              .isInstanceOf(IOException.class);
        }
      }
      for (String wrong : List.of("", "wrong")) {
        RemoteRuntime stranger = new RemoteRuntime(deployment.service().endpoint().url(), wrong);
        fails(Failure.UNAUTHORIZED, () -> stranger.execute(ExecuteRequest.of("true")));
        assertThat(stranger.isAlive().alive()).isFalse();
      }
      String key = deployment.key();
      assertThat(key).matches("[0-9a-f]{64}");
      String everything =
          deployment
              .runtime()
              .execute(
                  ExecuteRequest.ofShell(
                      "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"))
              .stdout();
      assertThat(everything).contains("swerex").doesNotContain(key);
      try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
        assertThat(processes.map(ApptainerDeploymentIT::commandLine))
            .anyMatch(line -> line.contains("swerex"))
            .noneMatch(line -> line.contains(key));
      }
      assertThatThrownBy(() -> deployment(SwerexImage.config().withPort(port)).start())
          .isInstanceOf(RequestException.class)
          .hasMessageContaining(Integer.toString(port));
      assertThat(deployment.isAlive().alive()).isTrue();
    }
  }

  private static String commandLine(Path process) {
    try {
      return Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void takesTheFlagsOfApptainer() throws Exception {
    Path shared = Files.createDirectory(home.resolve("shared"));
    Files.writeString(shared.resolve("f"), "from the host");
    ApptainerDeploymentConfig config =
        SwerexImage.config()
            .withApptainerArgs(
                "--net",
                "--network",
                "none",
                "--bind",
                shared + ":/mnt:ro",
                "--env",
                "A=b c",
                "--writable-tmpfs",
                "--pwd",
                "/usr");
    try (ApptainerDeployment deployment = deployment(config)) {
      deployment.start();
      Execution done =
          deployment
              .runtime()
              .execute(
                  ExecuteRequest.ofShell(
                      "cat /mnt/f; echo; echo $A; pwd; awk 'NR > 2 {print $1}' /proc/net/dev"));
      assertThat(done.stdout()).isEqualTo("from the host\nb c\n/usr\nlo:\n");
      assertThat(steps).anyMatch(step -> step.contains("--writable-tmpfs"));
    }
  }

  @Test
  void isRunFromAFolderOfTheImage() throws Exception {
    ApptainerDeploymentConfig config = SwerexImage.config();
    Path python = Files.createDirectories(home.resolve("py/python3.11/bin"));
    Files.createSymbolicLink(python.resolve("python3"), Path.of("/usr/bin/python3.11"));
    try (ApptainerDeployment deployment =
        deployment(
            config
                .withApptainerArgs("--bind", home.resolve("py") + ":/standalone")
                .withPythonStandaloneDir("/standalone"))) {
      deployment.start();
      assertThat(
              deployment
                  .runtime()
                  .execute(ExecuteRequest.ofShell("tr '\\0' ' ' </proc/$PPID/cmdline"))
                  .stdout())
          .startsWith("/standalone/python3.11/bin/python3 ");
    }
    fails(
        Failure.DEPLOYMENT_STARTUP,
        () -> deployment(config.withPythonStandaloneDir("/nothing")).start());
  }

  @Test
  void saysWhatCannotBeBeforeItStarts() {
    SwerexException e =
        fails(
            Failure.PULL_FAILED,
            () ->
                deployment(
                        ApptainerDeploymentConfig.of("no/such:image")
                            .withImages(PullPolicy.NEVER, false))
                    .start());
    assertThat(e)
        .hasMessageContaining("no/such:image")
        .hasMessageContaining(home.resolve(".apptainer/cache/no_such_image.sif").toString());
    assertThatThrownBy(() -> deployment(ApptainerDeploymentConfig.of("/no/such/file.sif")).start())
        .isInstanceOf(RequestException.class);
    String other = System.getProperty("os.arch").equals("aarch64") ? "amd64" : "arm64";
    assertThatThrownBy(
            () -> deployment(SwerexImage.config().withPlatform("linux/" + other)).start())
        .isInstanceOf(UnsupportedRequestException.class)
        .hasMessageContaining(other);
    assertThat(steps).noneMatch(step -> step.startsWith("Starting"));
  }

  /** Nothing is fetched, made or asked of the image before that. */
  @Test
  void saysWhatThisHostHasNotBeforeAnImageIsFetched() throws Exception {
    ApptainerDeploymentConfig config = ApptainerDeploymentConfig.of("registry.invalid/no/such:1");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertThatThrownBy(() -> deployment(config.withPort(taken.getLocalPort())).start())
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("Port " + taken.getLocalPort() + " is not available");
    }
    assertThatThrownBy(
            () -> deployment(config.withApptainerArgs("--bind", home + "/none:/mnt")).start())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(home + "/none");
    assertThat(steps).isEmpty();
  }

  @Test
  void readsWhatSweAgentHasPulled() throws Exception {
    Path sif = home.resolve(".apptainer/cache/some_image_1.sif");
    Files.createDirectories(sif.getParent());
    Files.writeString(sif, "this is no image");
    ApptainerDeploymentConfig config =
        ApptainerDeploymentConfig.of("some/image:1").withImages(PullPolicy.NEVER, false);
    SwerexException e = fails(Failure.DEPLOYMENT_STARTUP, () -> deployment(config).start());
    assertThat(e).hasMessageContaining(sif.toString());
    assertThat(steps).contains("Using " + sif + ", which SWE-agent has pulled");
  }

  /**
   * The image has Python, pip and venv, as python:3.11 has them, but neither pipx nor swe-rex. The
   * packages come from a folder in place of the index.
   */
  @Test
  void theServerIsInstalledByPipx() throws Exception {
    Path parts = Path.of(SwerexImage.path()).resolve("opt/pipx");
    String library = "/usr/lib/python3.11/ensurepip";
    ApptainerDeploymentConfig config =
        ApptainerDeploymentConfig.of(SwerexImage.bare())
            .withApptainerArgs(
                "--bind",
                parts + library + ":" + library + ":ro",
                "--bind",
                parts + "/usr/share/python-wheels:/usr/share/python-wheels:ro",
                "--bind",
                parts + "/pip:/usr/local/lib/python3.11/dist-packages:ro",
                "--bind",
                parts + "/wheels:/wheels:ro",
                "--env",
                "PIP_NO_INDEX=1,PIP_FIND_LINKS=/wheels,HOME=/tmp/home");
    try (ApptainerDeployment deployment = deployment(config)) {
      deployment.start();
      assertThat(steps).anyMatch(step -> step.contains("installing it with pipx"));
      Execution done =
          deployment
              .runtime()
              .execute(
                  ExecuteRequest.ofShell(
                      "tr '\\0' ' ' </proc/$PPID/cmdline; ls /tmp/home/.local/bin"));
      assertThat(done.stdout()).contains("/pipx/venvs/swe-rex/bin/python", "swerex-remote");
    }
  }

  @Test
  void anImageWithoutAServerIsSaid() {
    SwerexException e =
        fails(
            Failure.DEPLOYMENT_STARTUP,
            () -> deployment(ApptainerDeploymentConfig.of(SwerexImage.bare())).start());
    assertThat(steps).anyMatch(step -> step.contains("pipx"));
    assertThat(e).hasMessageContaining("pipx").hasMessageContaining("pip");
  }

  @Test
  void aServerThatDiesIsNotAlive() throws Exception {
    try (ApptainerDeployment deployment = deployment(SwerexImage.config())) {
      deployment.start();
      fails(
          Failure.UNREACHABLE,
          () -> deployment.runtime().execute(ExecuteRequest.ofShell("kill -9 $PPID; sleep 5")));
      Awaitility.await().atMost(SOON).until(() -> !deployment.isAlive().alive());
      assertThat(deployment.isAlive().message()).contains("has ended");
    }
  }

  @Test
  void buildsAnImageFromTheDefinitionAndRemovesIt() throws Exception {
    Path packages = Path.of(SwerexImage.path()).resolve("usr/local/lib/python3.11/dist-packages");
    Path definition =
        Files.writeString(
            home.resolve("swerex.def"),
            SwerexDefinition.of(SwerexImage.bare()).withPackages(packages).text());
    String name = "berth-test/swerex:" + ProcessHandle.current().pid();
    ApptainerProvider provider = new ApptainerProvider(ApptainerConfig.defaults());
    Path built = provider.images().build(name, definition, line -> {});
    assertThat(built.resolve(".singularity.d/startscript"))
        .content()
        .contains("exec swerex-remote");
    ApptainerDeploymentConfig config =
        ApptainerDeploymentConfig.of(name).withImages(PullPolicy.NEVER, true);
    ApptainerDeployment first = deployment(config);
    ApptainerDeployment second = deployment(config);
    try {
      first.start();
      second.start();
      assertThat(first.runtime().execute(ExecuteRequest.ofShell("echo $LC_ALL")).exitCode())
          .isZero();
    } finally {
      first.stop();
      assertThat(steps).anyMatch(step -> step.startsWith("Not removing " + name));
      assertThat(second.isAlive().alive()).isTrue();
      second.stop();
    }
    assertThat(steps).anyMatch(step -> step.equals("Removing " + name));
    assertThat(built).doesNotExist();
    fails(Failure.PULL_FAILED, first::start);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void assertFree(int port) {
    Awaitility.await()
        .atMost(SOON)
        .ignoreExceptionsInstanceOf(IOException.class)
        .untilAsserted(() -> new ServerSocket(port, 1, InetAddress.getLoopbackAddress()).close());
  }
}
