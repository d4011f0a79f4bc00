package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What the command promises on a terminal, which {@code script} makes. */
interface TerminalsOfCli extends CliSubject {
  @Test
  default void aTerminalHasTheSizeOfThisOneAndIsRestored() {
    Cli.Result result =
        onTerminal(
            "stty rows 33 cols 101; before=$(stty -g);"
                + " $BERTH exec -it "
                + id()
                + " sh -c 'stty size; exit 5';"
                + " echo code=$?; test \"$before\" = \"$(stty -g)\" && echo restored");
    assertThat(result.stdout()).contains("33 101").contains("code=5").contains("restored");
  }

  @Test
  default void aChangeOfSizeIsPassedOn() {
    Cli.Result result =
        onTerminal(
            "stty rows 33 cols 101; (sleep 4; stty rows 44 cols 55 < /dev/tty) &"
                + " $BERTH exec -it "
                + id()
                + " sh -c 'while test \"$(stty size)\" != \"44 55\"; do sleep 0.1; done; echo"
                + " seen'");
    assertThat(result.stdout()).contains("seen");
  }

  @Test
  default void aTerminalIsRestoredAfterASignal() {
    Cli.Result result =
        onTerminal(
            "before=$(stty -g); pid=$(mktemp);"
                + " (until test -s $pid; do sleep 0.1; done; sleep 3; kill -TERM $(cat $pid)) &"
                + " sh -c 'echo $$ > $1; exec $BERTH exec -it "
                + id()
                + " sleep 100' sh $pid;"
                + " echo code=$?; rm $pid; test \"$before\" = \"$(stty -g)\" && echo restored");
    assertThat(result.stdout()).contains("code=143").contains("restored");
  }

  @Test
  default void aShellTakesLinesFromAPipe() {
    Cli.Result result =
        cli()
            .run(
                "echo hi; exit 6\n".getBytes(java.nio.charset.StandardCharsets.UTF_8),
                "shell",
                id());
    assertThat(result.stdout()).isEqualTo("hi\n");
    assertThat(result.code()).isEqualTo(6);
  }

  private Cli.Result onTerminal(String line) {
    return cli().shell("exec script -qec \"$LINE\" /dev/null", line);
  }
}
