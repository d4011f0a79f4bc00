package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Deadlines: what ran out of time is dead, all of it, and what it said until then is kept. */
public interface TimeoutContract extends ContractSubject {
  @Test
  default void aTimeoutIsTypedAndKeepsTheOutput(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();

    ExecResult result =
        sandbox.exec(
            mark.shell("echo out; echo err >&2; exec sh -c \"$LOOP\" $MARK")
                .withTimeout(Duration.ofMillis(500)));

    assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
    assertThat(result.returnCode()).isEqualTo(125);
    assertThat(result.stdout()).isEqualTo("out\n");
    assertThat(result.stderr()).isEqualTo("err\n");
    assertThat(result.exit().detail()).isNotEmpty();
    assertThat(result.duration()).isBetween(Duration.ofMillis(400), Duration.ofSeconds(20));
    mark.awaitGone(sandbox);
  }

  @Test
  default void aTimeoutKillsTheWholeTree(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();
    String line =
        """
        sh -c "$LOOP" $MARK &
        setsid sh -c "$LOOP" $MARK &
        sh -c 'setsid sh -c "$LOOP" $MARK >/dev/null 2>&1 </dev/null &'
        (setsid sh -c 'sh -c "$LOOP" $MARK & exit 0' &)
        (trap '' TERM HUP INT; setsid sh -c "$LOOP" $MARK &)
        sh -c "trap '' TERM; $LOOP" $MARK
        """;

    ExecResult result =
        sandbox.exec(
            mark.shell(line).withTimeout(Duration.ofSeconds(2)).withGrace(Duration.ofMillis(500)));

    assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
    mark.awaitGone(sandbox);
  }

  @Test
  default void aTimeoutAsksBeforeItKills(Sandbox sandbox) throws Exception {
    String line =
        "trap 'echo asked; exit 0' TERM; i=0; while [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done";

    ExecResult result =
        sandbox.exec(
            Command.shell(line)
                .withTimeout(Duration.ofMillis(500))
                .withGrace(Duration.ofSeconds(20)));

    assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
    assertThat(result.stdout()).isEqualTo("asked\n");
  }

  @Test
  default void aStoppedProcessIsKilledToo(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();

    ExecResult result =
        sandbox.exec(
            mark.shell("sh -c 'kill -STOP $$; sleep 60' $MARK")
                .withTimeout(Duration.ofMillis(500))
                .withGrace(Duration.ofMillis(300)));

    assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
    mark.awaitGone(sandbox);
  }

  @Test
  default void aFloodRunsOutOfTimeLikeAnythingElse(Sandbox sandbox) throws Exception {
    ExecResult result =
        sandbox.exec(Command.of("yes").withTimeout(Duration.ofSeconds(1)).withOutputLimit(1000));

    assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
    assertThat(result.stdout()).isEqualTo("y\n".repeat(500));
    assertThat(result.stdoutTruncated()).isTrue();
  }

  @Test
  default void aTimeoutLeavesOtherCommandsAlone(Sandbox sandbox) throws Exception {
    Mark other = Mark.fresh();
    try (var bystander = sandbox.start(other.loop())) {
      assertThat(
              sandbox
                  .exec(Command.of("sleep", "30").withTimeout(Duration.ofMillis(300)))
                  .errorType())
          .isEqualTo(ErrorType.TIMEOUT);

      assertThat(bystander.isAlive()).isTrue();
      assertThat(other.alive(sandbox)).isPositive();
    }
    other.awaitGone(sandbox);
  }

  @Test
  default void aCommandCanHaveNoTimeLimit(Sandbox sandbox) throws Exception {
    assertThat(sandbox.exec(Command.of("sleep", "0.1").withTimeout(Command.FOREVER)).ok()).isTrue();
    assertThat(sandbox.exec(Command.of("true").withTimeout(Duration.ofDays(400))).ok()).isTrue();
  }
}
