package dev.berth.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What the command promises about a command in a sandbox. */
interface CommandsOfCli extends CliSubject {
  @Test
  default void theExitCodeIsTheCommands() {
    for (int code : new int[] {0, 1, 7, 125, 126, 255}) {
      Cli.Result result = cli().run("exec", id(), "sh", "-c", "exit " + code);
      assertThat(result.code()).isEqualTo(code);
      assertThat(result.stderr()).isEmpty();
    }
    assertThat(cli().run("exec", id(), "sh", "-c", "kill -TERM $$").code()).isEqualTo(143);
  }

  @Test
  default void aProgramThatIsNotThereIs127() {
    Cli.Result result = cli().run("exec", id(), "no-such-program");
    assertThat(result.code()).isEqualTo(127);
    assertThat(result.stderr().lines()).singleElement().asString().contains("no-such-program");
  }

  @Test
  default void outputIsPassedOnByteForByteAndApart() {
    Cli.Result result =
        cli().run("exec", id(), "sh", "-c", "printf 'a\\377\\000z'; printf 'e\\n' >&2");
    assertThat(result.bytes()).containsExactly('a', 0xff, 0, 'z');
    assertThat(result.stderr()).isEqualTo("e\n");
  }

  @Test
  default void outputComesAndInputGoesAsItHappens() {
    Cli.Running running =
        cli().start("exec", "-i", id(), "sh", "-c", "echo a; read x; echo got $x");
    await().until(() -> running.soFar().equals("a\n"));
    running.type("hello");
    assertThat(running.end().stdout()).isEqualTo("a\ngot hello\n");
  }

  @Test
  default void withoutInteractiveTheInputIsEmpty() {
    Cli.Result result = cli().run("text".getBytes(UTF_8), "exec", id(), "cat");
    assertThat(result.code()).isZero();
    assertThat(result.bytes()).isEmpty();
  }

  @Test
  default void aHundredMebibytesGoThroughUnchanged() {
    byte[] input = new byte[100 << 20];
    new Random(1).nextBytes(input);
    Cli.Result result = cli().run(input, "exec", "-i", id(), "cat");
    assertThat(result.code()).as(result.stderr()).isZero();
    assertThat(Arrays.equals(result.bytes(), input)).isTrue();
  }

  @Test
  default void aCommandThatClosesItsInputEndsAllTheSame() {
    Cli.Result result = cli().run(new byte[4 << 20], "exec", "-i", id(), "head", "-c", "1");
    assertThat(result.code()).isZero();
    assertThat(result.bytes()).hasSize(1);
  }

  @Test
  default void theTimeIsLimitedAndPartialOutputIsKept() {
    Cli.Result result =
        cli().run("exec", "--timeout", "500ms", id(), "sh", "-c", "echo partial; sleep 100");
    assertThat(result.code()).isEqualTo(125);
    assertThat(result.stdout()).isEqualTo("partial\n");
    assertThat(result.stderr().lines())
        .singleElement()
        .asString()
        .startsWith("berth: ")
        .contains("time");
  }

  @Test
  default void aClosedOutputEndsTheCommandQuietly() {
    Cli.Result result =
        cli().shell("$BERTH exec " + id() + " sh -c 'exec yes berth-closed' | head -1");
    assertThat(result.stdout()).isEqualTo("berth-closed\n");
    assertThat(result.stderr()).isEmpty();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> !cli().run("status", id()).stdout().contains("running  command"));
  }

  @Test
  default void aFullDiskUnderTheOutputIsSaid() {
    for (String verb :
        new String[] {"exec " + id() + " seq 1 100000", "ps --provider " + provider()}) {
      Cli.Result result = cli().shell("$BERTH " + verb + " > /dev/full");
      assertThat(result.code()).as(verb).isEqualTo(125);
      assertThat(result.stderr().lines())
          .singleElement()
          .asString()
          .startsWith("berth: Tried to write to stdout (/dev/full)")
          .contains("No space left on device");
    }
  }

  @Test
  default void aPipeThatIsClosedIsTheEnd() {
    Cli.Result result =
        cli().shell("($BERTH exec " + id() + " yes; echo code=$? >&2) | head -1 > /dev/null");
    assertThat(result.stderr()).isEqualTo("code=141\n");
  }

  @Test
  default void someOptionsMayStandBeforeTheVerb() {
    assertThat(cli().shell("$BERTH --provider " + provider() + " --debug ps").code()).isZero();
    Cli.Result other = cli().shell("$BERTH -it exec " + id() + " true");
    assertThat(other.code()).isEqualTo(2);
    assertThat(other.stderr().lines()).singleElement().asString().contains("berth VERB -it");
  }

  @Test
  default void variablesFoldersAndUsersAreTheCommands() {
    Cli.Result result =
        cli()
            .run(
                "exec",
                "-e",
                "A=1 2",
                "-e",
                "BERTH_TEST",
                "-w",
                "/tmp",
                id(),
                "sh",
                "-c",
                "echo $A,$BERTH_TEST,$PWD");
    assertThat(result.stdout()).isEqualTo("1 2,from here,/tmp\n");
  }

  @Test
  default void wrongUsageIs2WithAHint() {
    for (String[] wrong :
        new String[][] {
          {"exec"}, {"exec", id()}, {"run", "--memory", "5q", image(), "ls"}, {"nonsense"}
        }) {
      Cli.Result result = cli().run(wrong);
      assertThat(result.code()).isEqualTo(2);
      assertThat(result.stderr().lines())
          .singleElement()
          .asString()
          .startsWith("berth: ")
          .contains("--help");
    }
  }
}
