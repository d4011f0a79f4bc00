package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command promises about sandboxes. */
interface SandboxesOfCli extends CliSubject {
  @Test
  default void aPrefixOfTheIdIsEnough() {
    assertThat(cli().run("exec", id().substring(0, 8), "true").code()).isZero();
  }

  @Test
  default void aWrongIdSaysWhichThereAre() {
    Cli.Result result = cli().run("exec", "nosuchsandbox", "true");
    assertThat(result.code()).isEqualTo(125);
    assertThat(result.stderr().lines()).singleElement().asString().contains(id());
  }

  @Test
  default void filesAndFoldersAreCopiedBothWays(@TempDir Path folder) throws IOException {
    Path tree = Files.createDirectories(folder.resolve("tree/sub"));
    Files.writeString(tree.resolve("a:b"), "text");
    // Where there is no isolation this is the host's own folder.
    String copy = "/tmp/berth-copy-" + UUID.randomUUID();
    Cli.Result there = cli().run("cp", folder.resolve("tree").toString(), id() + ":" + copy);
    assertThat(there.code()).as(there.stderr()).isZero();
    Path back = folder.resolve("back");
    Cli.Result result = cli().run("cp", id() + ":" + copy, back.toString());
    assertThat(cli().run("exec", id(), "rm", "-r", copy).code()).isZero();
    assertThat(result.code()).as(result.stderr()).isZero();
    assertThat(back.resolve("sub/a:b")).hasContent("text");
    Cli.Result missing = cli().run("cp", id() + ":/tmp/no-such", back.toString());
    assertThat(missing.code()).isEqualTo(1);
    assertThat(missing.stderr()).startsWith("berth: ").contains("/tmp/no-such");
    assertThat(cli().run("cp", "a", "b").code()).isEqualTo(2);
  }

  @Test
  default void listings() {
    assertThat(cli().run("ps").stdout().lines())
        .anyMatch(line -> line.matches("ID +IMAGE +STATUS +AGE +EXPIRES +OWNED +LABELS"))
        .anyMatch(
            line -> line.startsWith(id()) && line.contains("running") && line.contains("test=cli"));
    assertThat(cli().run("ps", "--json").stdout())
        .contains("\"id\":\"" + id() + "\"")
        .contains("\"labels\":{\"test\":\"cli\"}");
    assertThat(cli().run("status", id()).stdout()).contains("running");
    assertThat(cli().run("status", "--json", id()).stdout()).contains("\"processes\":[");
  }

  @Test
  default void aBackgroundCommandGoesOnAndItsOutputIsKept() {
    String detached =
        cli()
            .run(
                "run",
                "-d",
                image(),
                "sh",
                "-c",
                "echo first; read x < /dev/null; echo last >&2; sleep 300")
            .stdout()
            .strip();
    await()
        .untilAsserted(() -> {
          Cli.Result logs = cli().run("logs", detached);
          assertThat(logs.stdout()).isEqualTo("first\n");
          assertThat(logs.stderr()).isEqualTo("last\n");
        });
    assertThat(cli().run("stop", detached).stdout()).isEqualTo(detached + "\n");
    assertThat(cli().folders()).doesNotContain(detached);
    assertThat(cli().run("logs", detached).code()).isEqualTo(125);
  }

  @Test
  default void theLogsOfACommandAreFollowedToItsEnd() {
    String process =
        cli().run("exec", "-d", id(), "sh", "-c", "echo one; sleep 1; echo two").stdout().strip();
    assertThat(cli().run("logs", "-f", id(), process).stdout()).isEqualTo("one\ntwo\n");
  }

  @Test
  default void nothingIsLeftAfterRun() {
    Cli.Result result = cli().run("run", image(), "sh", "-c", "echo hi; exit 3");
    assertThat(result.code()).isEqualTo(3);
    assertThat(result.stdout()).isEqualTo("hi\n");
    assertThat(cli().folders()).containsOnlyOnce(id()).doesNotContain("");
  }

  @Test
  default void doctorFindsNothingThatStopsSandboxes() {
    Cli.Result result = cli().run("doctor");
    assertThat(result.code()).as(result.stdout()).isZero();
  }
}
