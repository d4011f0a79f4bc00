package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.OutputSink;
import dev.berth.ProcessExit;
import dev.berth.ProcessSummary;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.Signal;
import dev.berth.TerminalSize;
import dev.berth.UnsupportedRequestException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Commands that outlive their handle, and what can be done to them from outside. */
public interface BackgroundContract extends ContractSubject {
  @Test
  default void aBackgroundCommandOutlivesItsHandle(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();
    SandboxProcess first = sandbox.startBackground(mark.loop());
    mark.awaitAlive(sandbox, 1);
    first.close();

    assertThat(mark.alive(sandbox)).isPositive();
    try (SandboxProcess again = sandbox.attach(first.id(), 0, 0)) {
      assertThat(again.id()).isEqualTo(first.id());
      assertThat(again.isAlive()).isTrue();
      again.kill();
      assertThat(again.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(137);
    }
    mark.awaitGone(sandbox);
  }

  @Test
  default void attachingReplaysFromTheOffset(Sandbox sandbox) throws Exception {
    SandboxProcess first =
        sandbox.startBackground(
            Command.shell(
                "printf 0123456789; printf abcdef >&2; read -r line; printf \"$line\"; exit 5"));
    assertThat(read(first, 10)).isEqualTo("0123456789");
    first.close();

    try (SandboxProcess again = sandbox.attach(first.id(), 4, 3)) {
      again.stdin().write("more\n".getBytes(StandardCharsets.UTF_8));
      again.stdin().flush();

      assertThat(text(again.stdout().readAllBytes())).isEqualTo("456789more");
      assertThat(text(again.stderr().readAllBytes())).isEqualTo("def");
      assertThat(again.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(5);
    }
  }

  @Test
  default void attachingAheadOfTheOutputStartsThere(Sandbox sandbox) throws Exception {
    SandboxProcess first =
        sandbox.startBackground(Command.shell("read -r line; printf 0123456789"));
    first.close();

    try (SandboxProcess again = sandbox.attach(first.id(), 7, 0)) {
      again.stdin().write("go\n".getBytes(StandardCharsets.UTF_8));
      again.stdin().flush();

      assertThat(text(again.stdout().readAllBytes())).isEqualTo("789");
    }
  }

  @Test
  default void anEndedBackgroundCommandStillHasItsResult(Sandbox sandbox) throws Exception {
    SandboxProcess first = sandbox.startBackground(Command.shell("echo done; exit 6"));
    first.close();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() ->
            sandbox.processes().stream().noneMatch(p -> p.id().equals(first.id()) && p.running()));

    try (SandboxProcess again = sandbox.attach(first.id(), 0, 0)) {
      assertThat(text(again.stdout().readAllBytes())).isEqualTo("done\n");
      assertThat(again.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(6);
    }
  }

  @Test
  default void aFloodingBackgroundCommandKeepsItsLatestOutput(Sandbox sandbox) throws Exception {
    SandboxProcess first = sandbox.startBackground(Command.shell("seq 1 1000000"));
    first.close();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() ->
            sandbox.processes().stream().noneMatch(p -> p.id().equals(first.id()) && p.running()));

    try (SandboxProcess again = sandbox.attach(first.id(), 0, 0)) {
      String latest = text(again.stdout().readAllBytes());
      assertThat(latest).endsWith("\n999999\n1000000\n").hasSizeBetween(1000, 2 << 20);
      assertThat(again.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(0);
    }
  }

  @Test
  default void keptOutputIsReadBesideWhoeverTakesIt(Sandbox sandbox) throws Exception {
    try (SandboxProcess taker =
        sandbox.startBackground(
            Command.shell("seq 1 30000; echo e >&2; read -r line; echo \"$line\""))) {
      String all =
          text(taker.stdout().readNBytes(Shell.text(sandbox, "seq 1 30000").length() + 1)).strip();
      assertThat(all).endsWith("\n30000");

      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() ->
              assertThat(text(sandbox.keptOutput(taker.id(), OutputSink.Channel.STDERR)))
                  .isEqualTo("e\n"));
      String kept = text(sandbox.keptOutput(taker.id(), OutputSink.Channel.STDOUT));
      assertThat(kept).startsWith("1\n2\n").endsWith("\n30000\n");

      taker.stdin().write("last\n".getBytes(StandardCharsets.UTF_8));
      assertThat(text(taker.stdout().readAllBytes())).isEqualTo("last\n");
      taker.await();
      assertThat(text(sandbox.keptOutput(taker.id(), OutputSink.Channel.STDOUT)))
          .isEqualTo(kept + "last\n");
    }
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> sandbox.keptOutput("7b0f3c5d9e1a2b4c", OutputSink.Channel.STDOUT));
  }

  @Test
  default void attachingToNothingIsRefused(Sandbox sandbox) {
    for (String id : List.of("contract-nothing", "", "../..", "7b0f3c5d9e1a2b4c", "1")) {
      assertThatExceptionOfType(RequestException.class)
          .as("attach to '%s'", id)
          .isThrownBy(() -> sandbox.attach(id, 0, 0));
    }
  }

  @Test
  default void runningCommandsAreListed(Sandbox sandbox) throws Exception {
    try (SandboxProcess background = sandbox.startBackground(Command.of("sleep", "60"));
        SandboxProcess started = sandbox.start(Command.of("sleep", "61"))) {
      List<ProcessSummary> all = sandbox.processes();

      assertThat(all)
          .filteredOn(p -> p.id().equals(background.id()))
          .singleElement()
          .satisfies(p -> {
            assertThat(p.program()).endsWith("sleep");
            assertThat(p.running()).isTrue();
            assertThat(p.background()).isTrue();
            assertThat(p.terminal()).isFalse();
            assertThat(p.pid()).isEqualTo(background.pid());
            assertThat(p.age()).isBetween(Duration.ZERO, Duration.ofMinutes(1));
          });
      assertThat(all)
          .filteredOn(p -> p.id().equals(started.id()))
          .singleElement()
          .satisfies(p -> assertThat(p.background()).isFalse());
      background.kill();
      background.await(Duration.ofSeconds(20));
    }
  }

  @Test
  default void aFinishedCommandIsForgotten(Sandbox sandbox) throws Exception {
    String program = "/tmp/contract-" + java.util.UUID.randomUUID();
    sandbox.exec(Command.of("ln", "-s", "/bin/true", program)).orThrow();
    sandbox.exec(Command.of(program));
    sandbox.exec(Command.of("rm", program)).orThrow();

    await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> sandbox.processes().stream().noneMatch(p -> p.program().equals(program)));
  }

  @Test
  default void signalsReachTheCommandsGroup(Sandbox sandbox) throws Exception {
    try (SandboxProcess process =
        sandbox.start(
            Command.shell(
                "trap 'echo usr1' USR1; trap 'echo hup; exit 9' HUP; echo ready; while :; do sleep 0.1; done"))) {
      BufferedReader out =
          new BufferedReader(new InputStreamReader(process.stdout(), StandardCharsets.UTF_8));
      assertThat(out.readLine()).isEqualTo("ready");
      process.signal(Signal.USR1);
      assertThat(out.readLine()).isEqualTo("usr1");
      process.signal(Signal.HUP);
      assertThat(out.readLine()).isEqualTo("hup");

      assertThat(process.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(9);
      process.signal(Signal.USR1);
    }
  }

  @Test
  default void terminatingAsksFirst(Sandbox sandbox) throws Exception {
    try (SandboxProcess process =
        sandbox.start(
            Command.shell(
                "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.1; done"))) {
      BufferedReader out =
          new BufferedReader(new InputStreamReader(process.stdout(), StandardCharsets.UTF_8));
      assertThat(out.readLine()).isEqualTo("ready");
      process.terminate(Duration.ofSeconds(20));

      assertThat(out.readLine()).isEqualTo("asked");
      ProcessExit exit = process.await(Duration.ofSeconds(20)).orElseThrow();
      assertThat(exit.returnCode()).isEqualTo(7);
      assertThat(exit.errorType()).isNotEqualTo(ErrorType.TIMEOUT);
    }
  }

  @Test
  default void terminatingKillsWhatDoesNotListenAndWhatHasMovedAway(Sandbox sandbox)
      throws Exception {
    Mark mark = Mark.fresh();
    try (SandboxProcess process =
        sandbox.startBackground(
            mark.shell(
                "trap '' TERM; setsid sh -c \"$LOOP\" $MARK & (setsid sh -c \"$LOOP\" $MARK &); sh -c \"$LOOP\" $MARK; :"))) {
      mark.awaitAlive(sandbox, 3);
      process.terminate(Duration.ofMillis(300));

      mark.awaitGone(sandbox);
      assertThat(process.await(Duration.ofSeconds(20))).isPresent();
    }
  }

  @Test
  default void onlyATerminalHasASize(Sandbox sandbox) throws Exception {
    try (SandboxProcess process = sandbox.start(Command.of("sleep", "60"))) {
      assertThatExceptionOfType(UnsupportedRequestException.class)
          .isThrownBy(() -> process.resize(TerminalSize.DEFAULT));
    }
  }

  private static String read(SandboxProcess process, int bytes) throws IOException {
    return text(process.stdout().readNBytes(bytes));
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
