package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.ProcessExit;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Commands that are talked to while they run. */
public interface StreamContract extends ContractSubject {
  @Test
  default void aCommandIsTalkedToWhileItRuns(Sandbox sandbox) throws Exception {
    try (SandboxProcess process =
        sandbox.start(
            Command.shell("while read -r line; do echo \"got $line\"; done; echo end; exit 4"))) {
      BufferedReader out =
          new BufferedReader(new InputStreamReader(process.stdout(), StandardCharsets.UTF_8));
      for (int i = 0; i < 100; i++) {
        process.stdin().write(("line " + i + "\n").getBytes(StandardCharsets.UTF_8));
        process.stdin().flush();
        assertThat(out.readLine()).isEqualTo("got line " + i);
      }
      assertThat(process.isAlive()).isTrue();
      process.stdin().close();

      assertThat(out.readLine()).isEqualTo("end");
      assertThat(out.readLine()).isNull();
      ProcessExit exit = process.await(Duration.ofSeconds(20)).orElseThrow();
      assertThat(exit.returnCode()).isEqualTo(4);
      assertThat(exit.errorType()).isNull();
      assertThat(process.isAlive()).isFalse();
    }
  }

  @Test
  default void bothStreamsAreReadApart(Sandbox sandbox) throws Exception {
    try (SandboxProcess process = sandbox.start(Command.shell("echo out; echo err >&2"))) {
      assertThat(text(process.stderr().readAllBytes())).isEqualTo("err\n");
      assertThat(text(process.stdout().readAllBytes())).isEqualTo("out\n");
      assertThat(process.await().returnCode()).isZero();
      assertThat(process.pid()).isPositive();
    }
  }

  @Test
  default void inputGivenWithTheCommandArrivesHereToo(Sandbox sandbox) throws Exception {
    try (SandboxProcess process = sandbox.start(Command.of("cat").withStdin("given\n"))) {
      process.stdin().close();
      assertThat(text(process.stdout().readAllBytes())).isEqualTo("given\n");
    }
  }

  @Test
  default void muchInputArrivesWhole(Sandbox sandbox) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    byte[] block = TestFiles.bytes(1 << 20);
    try (SandboxProcess process = sandbox.start(Command.of("sha256sum"))) {
      try (OutputStream in = process.stdin()) {
        for (int i = 0; i < 64; i++) {
          digest.update(block);
          in.write(block);
        }
      }

      assertThat(text(process.stdout().readAllBytes()))
          .startsWith(HexFormat.of().formatHex(digest.digest()));
    }
  }

  @Test
  default void writingToACommandThatHasGoneNeverHangs(Sandbox sandbox) throws Exception {
    try (SandboxProcess process = sandbox.start(Command.shell("exec 0<&-; echo closed"))) {
      assertThat(text(process.stdout().readAllBytes())).isEqualTo("closed\n");
      try {
        process.stdin().write(new byte[4 << 20]);
        process.stdin().close();
      } catch (IOException nobodyReads) {
        assertThat(nobodyReads).hasMessageMatching("(?s).+");
      }
      assertThat(process.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(0);
    }
  }

  @Test
  default void aReaderThatStopsHoldsTheCommand(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    String progress = folder.path("progress");
    try (SandboxProcess process = sandbox.start(OutputContract.flood(progress, 64))) {
      assertThat(OutputContract.mebibytesWhenItStands(sandbox, progress))
          .isBetween(0L, (long) OutputContract.AHEAD_MIB);

      assertThat(process.stdout().skip(64L << 20)).isEqualTo(64L << 20);
      assertThat(process.stdout().read()).isEqualTo(-1);
      assertThat(process.await().returnCode()).isZero();
    }
  }

  @Test
  default void closingAStartedCommandKillsItAndItsDescendants(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();
    SandboxProcess process =
        sandbox.start(mark.shell("setsid sh -c \"$LOOP\" $MARK & sh -c \"$LOOP\" $MARK; :"));
    mark.awaitAlive(sandbox, 2);

    process.close();

    mark.awaitGone(sandbox);
    process.close();
  }

  @Test
  default void waitingHasADeadline(Sandbox sandbox) throws Exception {
    try (SandboxProcess process = sandbox.start(Command.of("sleep", "60"))) {
      assertThat(process.await(Duration.ofMillis(100))).isEmpty();
      process.kill();

      Optional<ProcessExit> exit = process.await(Duration.ofSeconds(20));
      assertThat(exit).isPresent();
      assertThat(exit.get().returnCode()).isEqualTo(137);
    }
  }

  @Test
  default void aStartedCommandHasATimeLimitIfItNamesOne(Sandbox sandbox) throws Exception {
    try (SandboxProcess process =
        sandbox.start(Command.of("sleep", "60").withTimeout(Duration.ofMillis(300)))) {
      assertThat(process.await(Duration.ofSeconds(20)))
          .map(ProcessExit::errorType)
          .contains(dev.berth.ErrorType.TIMEOUT);
    }
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
