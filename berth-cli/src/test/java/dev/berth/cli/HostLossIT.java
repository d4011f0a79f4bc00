package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * {@code kill -9} of the process that holds a service: once its lease is over there is no process
 * and no mount of it, and after the next {@code berth} no folder.
 */
@Timeout(180)
class HostLossIT {
  private static final Duration LONG = Duration.ofSeconds(60);

  private Path home;
  private Cli cli;

  @BeforeEach
  void make() throws IOException {
    // Short: a socket's path has room for 107 bytes.
    home = Files.createTempDirectory(Path.of("/tmp"), "bh");
    cli = new Cli(home, "apptainer");
    Files.writeString(home.resolve("config.yaml"), "a:\n  apptainer:\n    create: {lease_s: 2}\n");
  }

  @AfterEach
  void remove() throws Exception {
    new ProcessBuilder("rm", "-rf", home.toString()).start().waitFor();
  }

  @Test
  void aDeployment() throws Exception {
    leavesNothing(
        cli.java(HostLossChild.class, "deployment", image("BERTH_SWEREX_IMAGE")), 1, "sleep 600");
  }

  @Test
  void aWorkspace() throws Exception {
    leavesNothing(
        cli.java(HostLossChild.class, "workspace", image("BERTH_OPENHANDS_IMAGE")), 1, "sleep 600");
  }

  @Test
  void berthServe() throws Exception {
    String config = home.resolve("config.yaml").toString();
    leavesNothing(
        cli.start("serve", "--swe-rex", "--config", config, image("BERTH_IMAGE")), 2, "serve --fd");
  }

  @Test
  void anUploadToBerthServe() throws Exception {
    String config = home.resolve("config.yaml").toString();
    Cli.Running running = cli.start("serve", "--swe-rex", "--config", config, image("BERTH_IMAGE"));
    await().atMost(LONG).until(() -> running.soFar().lines().count() >= 2);
    List<String> said = running.soFar().lines().toList();
    URI server = URI.create(said.get(0));
    String head =
        """
        POST /upload HTTP/1.1\r
        Host: here\r
        X-API-Key: %s\r
        Content-Type: multipart/form-data; boundary=b\r
        Content-Length: 1000000\r
        \r
        --b\r
        Content-Disposition: form-data; name="file"; filename="f"\r
        \r
        the beginning\
        """
            .formatted(said.get(1).substring("key ".length()));
    try (Socket socket = new Socket(server.getHost(), server.getPort())) {
      socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
      await().atMost(LONG).until(() -> cli.folders().size() == 2);
      leavesNothing(running, 2, "serve --fd");
    }
  }

  @Test
  void berthEval() throws Exception {
    Path rows = home.resolve("rows.jsonl");
    Files.writeString(
        rows,
        "{\"id\": \"quick\", \"test_command\": \"true\"}\n"
            + "{\"id\": \"slow\", \"test_command\": \"sleep 600 & wait\"}\n");
    Cli.Running running =
        cli.start(
            "eval",
            "--config",
            home.resolve("config.yaml").toString(),
            "--image",
            image("BERTH_IMAGE"),
            "-o",
            home.resolve("out").toString(),
            rows.toString());
    Path results = home.resolve("out/results.jsonl");
    await()
        .atMost(LONG)
        .until(() -> Files.exists(results) && Files.size(results) > 0 && cli.folders().size() == 1);
    leavesNothing(running, 0, "sleep 600");
  }

  private static String image(String variable) {
    String image = System.getenv(variable);
    assertThat(image).as(variable + ", see setup/").isNotBlank();
    return image;
  }

  /** Kills it when it has printed this many lines and has a process like this in its sandbox. */
  private void leavesNothing(Cli.Running running, int lines, String process) {
    await().atMost(LONG).until(() -> running.soFar().lines().count() >= lines);
    await()
        .atMost(LONG)
        .untilAsserted(() -> assertThat(traces()).anyMatch(trace -> trace.contains(process)));
    running.signal("KILL");
    running.end();
    await().atMost(LONG).untilAsserted(() -> assertThat(traces()).isEmpty());
    await()
        .atMost(LONG)
        .untilAsserted(() -> {
          assertThat(cli.run("ps").code()).isZero();
          assertThat(cli.folders()).isEmpty();
        });
  }

  /**
   * The processes that have the state folder on their command line, in their working directory or
   * in their mounts, and this process's own mounts of it.
   */
  private List<String> traces() throws IOException {
    String state = home.resolve("s").toString();
    List<String> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path each : processes) {
        String line = read(each.resolve("cmdline")).replace('\0', ' ').strip();
        if ((line + read(each.resolve("mountinfo"))).contains(state)) {
          found.add(each.getFileName() + " " + line);
        }
      }
    }
    return found;
  }

  private static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      // It has ended, or is not ours.
      return "";
    }
  }
}
