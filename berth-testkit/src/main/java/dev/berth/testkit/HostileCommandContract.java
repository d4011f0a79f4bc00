package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.spi.SandboxProvider;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Commands that mean harm: floods of processes and of output, and blows at what carries them. */
public interface HostileCommandContract extends ContractSubject {
  @Test
  default void processesThatForkAndForkAreKilled(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    Mark mark = Mark.fresh();
    String script = folder.path("chain");
    // Each process starts the next and ends: whoever kills by looking first always comes late. It
    // stops when its file is gone, should nobody kill it.
    Shell.text(
        sandbox,
        "printf '%s\\n' '[ -e \"$0\" ] || exit' 'setsid sh \"$0\" \"$1\" &' 'sh -c \"$LOOP\" \"$1\" & p=$!; sleep 0.05; kill $p' > "
            + script);

    ExecResult result =
        sandbox.exec(
            mark.shell("for i in 1 2 3 4 5 6 7 8; do sh " + script + " $MARK & done; sleep 60")
                .withTimeout(Duration.ofSeconds(1))
                .withGrace(Duration.ofMillis(200)));

    assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
    mark.awaitGone(sandbox);
  }

  @Test
  default void aCrowdOfProcessesIsKilled(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();
    String line =
        "i=0; while [ $i -lt 200 ]; do setsid sh -c 'exec sh -c \"sleep 60; :\" $MARK' & i=$((i+1)); done; sleep 60";

    ExecResult result =
        sandbox.exec(
            mark.shell(line).withTimeout(Duration.ofSeconds(2)).withGrace(Duration.ofMillis(200)));

    assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
    mark.awaitGone(sandbox);
    assertThat(Shell.text(sandbox, "echo well")).isEqualTo("well");
  }

  @Test
  default void aGibibyteOfOutputIsTakenWithoutKeepingIt(Sandbox sandbox) throws Exception {
    AtomicLong taken = new AtomicLong();

    ExecResult result =
        sandbox.exec(
            Command.of("head", "-c", "1073741824", "/dev/zero").withOutputLimit(0),
            (channel, bytes) -> taken.addAndGet(bytes.remaining()));

    assertThat(result.ok()).isTrue();
    assertThat(result.stdout()).isEmpty();
    assertThat(result.stdoutTruncated()).isTrue();
    assertThat(taken).hasValue(1L << 30);
  }

  @Test
  default void aCommandThatHoldsItsOutputOpenAfterItsEndHoldsNobody(Sandbox sandbox)
      throws Exception {
    Mark mark = Mark.fresh();

    ExecResult result =
        sandbox.exec(
            mark.shell("(timeout 3 yes & exec sh -c \"$LOOP\" $MARK) & echo $! >&2; exit 5")
                .withTimeout(Duration.ofSeconds(30))
                .withOutputLimit(100));

    assertThat(result.returnCode()).isEqualTo(5);
    assertThat(result.errorType()).isNull();
    Shell.text(sandbox, "kill -9 " + result.stderr().strip());
    mark.awaitGone(sandbox);
  }

  /**
   * In an isolated sandbox the command kills all it can see; elsewhere, where that would be the
   * user's own processes, only its own group.
   */
  @Test
  default void aCommandThatKillsAllItSeesGetsAnAnswer(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    try (sandbox) {
      FutureTask<ExecResult> call =
          new FutureTask<>(() ->
              sandbox.exec(can(Trait.ISOLATED) ? "kill -9 -1; sleep 30" : "kill -9 0; sleep 30"));
      Thread.ofVirtual().start(call);

      assertThat(call.get(20, TimeUnit.SECONDS).ok()).isFalse();
    }
    assertThat(leftovers(sandbox.id())).isEmpty();
  }
}
