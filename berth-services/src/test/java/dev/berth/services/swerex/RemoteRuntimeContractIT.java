package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.services.http.JsonClient;
import dev.berth.services.http.Reply;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The contract with the Java client and the real server of PyPI in a real Apptainer image. */
class RemoteRuntimeContractIT extends RuntimeContract {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final ApptainerDeployment DEPLOYMENT =
      new ApptainerDeployment(SwerexImage.config());

  @BeforeAll
  static void start() throws Exception {
    DEPLOYMENT.start();
  }

  @AfterAll
  static void stop() {
    DEPLOYMENT.stop();
  }

  @Override
  Runtime runtime() {
    return DEPLOYMENT.runtime();
  }

  @Override
  Set<KnownDeviation> deviations() {
    return EnumSet.allOf(KnownDeviation.class);
  }

  private Reply post(String call, String id, Object body) throws Exception {
    return new JsonClient(
            DEPLOYMENT.service().endpoint().url(), Map.of("X-API-Key", DEPLOYMENT.key()))
        .withFreshConnections()
        .call("POST", "/" + call, body, Map.of("X-Request-ID", id), SOON);
  }

  private long lines(String file) throws Exception {
    return runtime().readFile(ReadFile.of(file)).lines().count();
  }

  /** What the client builds on: a kept answer needs no request, and an unknown id runs nothing. */
  @Test
  void theServerKeepsTheLastAnswerButNoFailure() throws Exception {
    Map<String, Object> append = Map.of("command", "echo x >>/tmp/kept", "shell", true);
    assertThat(post("execute", "id-1", append).status()).isEqualTo(200);
    assertThat(post("execute", "id-1", List.of()).json().path("exit_code").intValue()).isZero();
    assertThat(post("execute", "id-2", List.of()).status()).isEqualTo(422);
    assertThat(lines("/tmp/kept")).isEqualTo(1);
    // The reason why exit codes are checked by the client.
    Map<String, Object> failing =
        Map.of("command", "echo x >>/tmp/failed; false", "shell", true, "check", true);
    assertThat(post("execute", "id-3", failing).status()).isEqualTo(511);
    assertThat(post("execute", "id-3", failing).status()).isEqualTo(511);
    assertThat(lines("/tmp/failed")).isEqualTo(2);
  }

  @Test
  void aCommandWhoseAnswerIsLostRunsOnce() throws Exception {
    try (LossyRelay relay = new LossyRelay(DEPLOYMENT.service().port())) {
      RemoteRuntime remote = new RemoteRuntime(relay.url(), DEPLOYMENT.key());
      Execution done = remote.execute(ExecuteRequest.ofShell("echo x >>/tmp/lost; echo done"));
      assertThat(done.stdout()).isEqualTo("done\n");
      assertThat(relay.cut()).isEqualTo(1);
      assertThat(lines("/tmp/lost")).isEqualTo(1);
    }
  }

  /** A file that is uploaded to a folder gets the name of the server's temporary one. */
  @Test
  void aFileIntoAFolderGetsAnotherName() throws Exception {
    Path file = Files.writeString(host.resolve("mine.txt"), "mine");
    runtime().execute(ExecuteRequest.of("mkdir", "/tmp/into"));
    runtime().upload(file, "/tmp/into");
    assertThat(runtime().execute(ExecuteRequest.of("ls", "/tmp/into")).stdout())
        .isEqualTo("temp_file_transfer\n");
  }
}
