package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code berth serve} promises; the protocol itself is tested where it is made. */
interface ServeOfCli extends CliSubject {
  private static String call(String url, String key, String line) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url + "/execute"))
            .header("X-API-Key", key)
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"command\":\"" + line + "\",\"shell\":true}"))
            .build();
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      return response.statusCode() == 200 ? response.body() : response.statusCode() + "";
    }
  }

  private static String[] lines(Cli.Running running, int count) {
    await().atMost(Duration.ofSeconds(30)).until(() -> running.soFar().lines().count() >= count);
    return running.soFar().lines().toArray(String[]::new);
  }

  @Test
  default void aNewSandboxIsServedUntilControlC() throws Exception {
    for (String signal : new String[] {"INT", "TERM"}) {
      Cli.Running running = cli().start("serve", "--swe-rex", image());
      String[] lines = lines(running, 2);
      assertThat(lines[0]).startsWith("http://127.0.0.1:");
      String key = lines[1].substring("key ".length());
      assertThat(key).hasSize(64);
      assertThat(call(lines[0], key, "echo served")).contains("served");
      assertThat(call(lines[0], "0".repeat(64), "echo served")).isEqualTo("401");
      assertThat(cli().folders()).hasSize(2);
      running.signal(signal);
      assertThat(running.end().code()).isGreaterThan(128);
      assertThat(cli().folders()).containsExactly(id());
    }
  }

  @Test
  default void aSandboxThatIsThereStays(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("key"), "a key that somebody chose\n");
    Cli.Running running =
        cli()
            .start(
                "serve", "--swe-rex", "--json", "--key-file", file.toString(), "--sandbox", id());
    String line = lines(running, 1)[0];
    assertThat(line).contains("\"sandbox\":\"" + id()).doesNotContain("somebody");
    String url = line.replaceAll(".*\"url\":\"([^\"]*)\".*", "$1");
    assertThat(call(url, "a key that somebody chose", "echo served")).contains("served");
    String port = url.substring(url.lastIndexOf(':') + 1);
    Cli.Result taken =
        cli()
            .run(
                "serve",
                "--swe-rex",
                "--port",
                port,
                "--key-file",
                file.toString(),
                "--sandbox",
                id());
    assertThat(taken.code()).isEqualTo(Failures.USAGE);
    assertThat(taken.stderr()).contains("taken").doesNotContain("somebody");
    running.signal("INT");
    assertThat(running.end().code()).isEqualTo(130);
    assertThat(cli().run("exec", id(), "true").code()).isZero();
  }

  @Test
  default void whatCannotBeServedIsRefused() {
    for (String[] words :
        new String[][] {
          {"serve", image()},
          {"serve", "--swe-rex"},
          {"serve", "--swe-rex", "--sandbox", id(), image()},
          {"serve", "--swe-rex", "--sandbox", id(), "--cpus", "1"},
          {"serve", "--swe-rex", "--sandbox", id(), "-e", "A=1"},
          {"serve", "--swe-rex", "--sandbox", id(), "--key-file", "/nowhere"},
          {"serve", "--swe-rex", "--sandbox", id(), "--key-file", "/dev/zero"},
          {"serve", "--swe-rex", "--sandbox", id(), "--key-file", "/dev/null"},
          {"serve", "--swe-rex", "--port", "70000", image()},
          {"serve", "--swe-rex", "--sandbox", id(), "--port", "70000"}
        }) {
      Cli.Result refused = cli().run(words);
      assertThat(refused.code()).as(String.join(" ", words)).isEqualTo(Failures.USAGE);
      assertThat(refused.stdout()).isEmpty();
    }
  }
}
