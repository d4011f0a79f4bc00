package dev.berth.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the command promises, whatever the provider: run as a process against real sandboxes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(180)
abstract class CliContract {
  private final String provider;
  private final String image;
  private Path home;
  Cli cli;

  /** A sandbox that all tests share. */
  String id;

  CliContract(String provider, String image) {
    this.provider = provider;
    this.image = image;
  }

  @BeforeAll
  void start() throws IOException {
    // Short: a socket's path has room for 107 bytes.
    home = Files.createTempDirectory(Path.of("/tmp"), "bc");
    cli = new Cli(home, provider);
    Cli.Result started = cli.run("start", "--label", "test=cli", "--ttl", "10m", image);
    assertThat(started.code()).as(started.stderr()).isZero();
    id = started.stdout().strip();
    assertThat(id).isNotEmpty();
  }

  @AfterAll
  void stop() throws IOException {
    Cli.Result stopped = cli.run("stop", "--all");
    assertThat(stopped.stderr()).isEmpty();
    assertThat(cli.folders()).isEmpty();
    new ProcessBuilder("rm", "-rf", home.toString()).start();
  }

  @Test
  void theExitCodeIsTheCommands() {
    for (int code : new int[] {0, 1, 7, 125, 126, 255}) {
      Cli.Result result = cli.run("exec", id, "sh", "-c", "exit " + code);
      assertThat(result.code()).isEqualTo(code);
      assertThat(result.stderr()).isEmpty();
    }
    assertThat(cli.run("exec", id, "sh", "-c", "kill -TERM $$").code()).isEqualTo(143);
  }

  @Test
  void aProgramThatIsNotThereIs127() {
    Cli.Result result = cli.run("exec", id, "no-such-program");
    assertThat(result.code()).isEqualTo(127);
    assertThat(result.stderr().lines()).singleElement().asString().contains("no-such-program");
  }

  @Test
  void outputIsPassedOnByteForByteAndApart() {
    Cli.Result result = cli.run("exec", id, "sh", "-c", "printf 'a\\377\\000z'; printf 'e\\n' >&2");
    assertThat(result.bytes()).containsExactly('a', 0xff, 0, 'z');
    assertThat(result.stderr()).isEqualTo("e\n");
  }

  @Test
  void outputComesAndInputGoesAsItHappens() {
    Cli.Running running = cli.start("exec", "-i", id, "sh", "-c", "echo a; read x; echo got $x");
    await().until(() -> running.soFar().equals("a\n"));
    running.type("hello");
    assertThat(running.end().stdout()).isEqualTo("a\ngot hello\n");
  }

  @Test
  void withoutInteractiveTheInputIsEmpty() {
    Cli.Result result = cli.run("text".getBytes(UTF_8), "exec", id, "cat");
    assertThat(result.code()).isZero();
    assertThat(result.bytes()).isEmpty();
  }

  @Test
  void aHundredMebibytesGoThroughUnchanged() {
    byte[] input = new byte[100 << 20];
    new Random(1).nextBytes(input);
    Cli.Result result = cli.run(input, "exec", "-i", id, "cat");
    assertThat(result.code()).as(result.stderr()).isZero();
    assertThat(java.util.Arrays.equals(result.bytes(), input)).isTrue();
  }

  @Test
  void aCommandThatClosesItsInputEndsAllTheSame() {
    Cli.Result result = cli.run(new byte[4 << 20], "exec", "-i", id, "head", "-c", "1");
    assertThat(result.code()).isZero();
    assertThat(result.bytes()).hasSize(1);
  }

  @Test
  void theTimeIsLimitedAndPartialOutputIsKept() {
    Cli.Result result =
        cli.run("exec", "--timeout", "500ms", id, "sh", "-c", "echo partial; sleep 100");
    assertThat(result.code()).isEqualTo(125);
    assertThat(result.stdout()).isEqualTo("partial\n");
    assertThat(result.stderr().lines())
        .singleElement()
        .asString()
        .startsWith("berth: ")
        .contains("time");
  }

  @Test
  void aClosedOutputEndsTheCommandQuietly() {
    Cli.Result result = cli.shell("$BERTH exec " + id + " sh -c 'exec yes berth-closed' | head -1");
    assertThat(result.stdout()).isEqualTo("berth-closed\n");
    assertThat(result.stderr()).isEmpty();
    await().until(() -> !cli.run("status", id).stdout().contains("running  command"));
  }

  @Test
  void variablesFoldersAndUsersAreTheCommands() {
    Cli.Result result =
        cli.run(
            "exec",
            "-e",
            "A=1 2",
            "-e",
            "BERTH_PROVIDER",
            "-w",
            "/tmp",
            id,
            "sh",
            "-c",
            "echo $A,$BERTH_PROVIDER,$PWD");
    assertThat(result.stdout()).isEqualTo("1 2," + provider + ",/tmp\n");
  }

  @Test
  void aPrefixOfTheIdIsEnough() {
    assertThat(cli.run("exec", id.substring(0, 8), "true").code()).isZero();
  }

  @Test
  void aWrongIdSaysWhichThereAre() {
    Cli.Result result = cli.run("exec", "nosuchsandbox", "true");
    assertThat(result.code()).isEqualTo(125);
    assertThat(result.stderr().lines()).singleElement().asString().contains(id);
  }

  @Test
  void wrongUsageIs2WithAHint() {
    for (String[] wrong :
        new String[][] {
          {"exec"}, {"exec", id}, {"run", "--memory", "5q", image, "ls"}, {"nonsense"}
        }) {
      Cli.Result result = cli.run(wrong);
      assertThat(result.code()).isEqualTo(2);
      assertThat(result.stderr().lines())
          .singleElement()
          .asString()
          .startsWith("berth: ")
          .contains("--help");
    }
  }

  @Test
  void filesAndFoldersAreCopiedBothWays(@TempDir Path folder) throws IOException {
    Path tree = Files.createDirectories(folder.resolve("tree/sub"));
    Files.writeString(tree.resolve("a:b"), "text");
    assertThat(
            cli.run("cp", folder.resolve("tree").toString(), id + ":/tmp/copy-" + provider).code())
        .isZero();
    Path back = folder.resolve("back");
    Cli.Result result = cli.run("cp", id + ":/tmp/copy-" + provider, back.toString());
    assertThat(result.code()).as(result.stderr()).isZero();
    assertThat(back.resolve("sub/a:b")).hasContent("text");
    Cli.Result missing = cli.run("cp", id + ":/tmp/no-such", back.toString());
    assertThat(missing.code()).isEqualTo(1);
    assertThat(missing.stderr()).startsWith("berth: ").contains("/tmp/no-such");
    assertThat(cli.run("cp", "a", "b").code()).isEqualTo(2);
  }

  @Test
  void listings() {
    assertThat(cli.run("ps").stdout().lines())
        .anyMatch(line -> line.matches("ID +IMAGE +STATUS +AGE +EXPIRES +OWNED +LABELS"))
        .anyMatch(
            line -> line.startsWith(id) && line.contains("running") && line.contains("test=cli"));
    assertThat(cli.run("ps", "--json").stdout())
        .contains("\"id\":\"" + id + "\"")
        .contains("\"labels\":{\"test\":\"cli\"}");
    assertThat(cli.run("status", id).stdout()).contains("running");
    assertThat(cli.run("status", "--json", id).stdout()).contains("\"processes\":[");
  }

  @Test
  void aBackgroundCommandGoesOnAndItsOutputIsKept() {
    String detached =
        cli.run(
                "run",
                "-d",
                image,
                "sh",
                "-c",
                "echo first; read x < /dev/null; echo last >&2; sleep 300")
            .stdout()
            .strip();
    await()
        .untilAsserted(() -> {
          Cli.Result logs = cli.run("logs", detached);
          assertThat(logs.stdout()).isEqualTo("first\n");
          assertThat(logs.stderr()).isEqualTo("last\n");
        });
    assertThat(cli.run("stop", detached).stdout()).isEqualTo(detached + "\n");
    assertThat(cli.folders()).doesNotContain(detached);
    assertThat(cli.run("logs", detached).code()).isEqualTo(125);
  }

  @Test
  void theLogsOfACommandAreFollowedToItsEnd() {
    String process =
        cli.run("exec", "-d", id, "sh", "-c", "echo one; sleep 1; echo two").stdout().strip();
    assertThat(cli.run("logs", "-f", id, process).stdout()).isEqualTo("one\ntwo\n");
  }

  @Test
  void nothingIsLeftAfterRun() {
    Cli.Result result = cli.run("run", image, "sh", "-c", "echo hi; exit 3");
    assertThat(result.code()).isEqualTo(3);
    assertThat(result.stdout()).isEqualTo("hi\n");
    assertThat(cli.folders()).containsOnlyOnce(id).doesNotContain("");
  }

  @Test
  void doctorFindsNothingThatStopsSandboxes() {
    Cli.Result result = cli.run("doctor");
    assertThat(result.code()).as(result.stdout()).isZero();
  }
}
