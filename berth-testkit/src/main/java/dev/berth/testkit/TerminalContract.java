package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.ProcessExit;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.Signal;
import dev.berth.TerminalSize;
import dev.berth.Terminals;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Commands on terminals. A provider without {@link Trait#TERMINALS} does not have the ability at
 * all.
 */
public interface TerminalContract extends ContractSubject {
  /** The sandbox's terminals; empty, as it must then be, for a provider without the trait. */
  private Optional<Terminals> terminals(Sandbox sandbox) {
    Optional<Terminals> terminals = sandbox.ability(Terminals.class);
    assertThat(terminals.isPresent())
        .as("the ability is there if the provider says so")
        .isEqualTo(can(Trait.TERMINALS));
    return terminals;
  }

  @Test
  default void aTerminalIsOneAndHasItsSize(Sandbox sandbox) throws Exception {
    Optional<Terminals> terminals = terminals(sandbox);
    if (terminals.isPresent()) {
      Command command =
          Command.shell("tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; exit 3");
      try (SandboxProcess process = terminals.get().open(command, new TerminalSize(41, 103))) {
        String output = until(process, "all");

        assertThat(output).startsWith("/dev/").contains("41 103");
        assertThat(process.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(3);
      }
    }
  }

  @Test
  default void aTerminalOfItsCallerEndsWithItsHandleAndIsForgotten(Sandbox sandbox)
      throws Exception {
    Optional<Terminals> terminals = terminals(sandbox);
    if (terminals.isPresent()) {
      String id;
      try (SandboxProcess process =
          terminals
              .get()
              .start(Command.shell("stty size; echo ready; sleep 600"), TerminalSize.DEFAULT)) {
        assertThat(until(process, "ready")).contains("24 80");
        id = process.id();
      }

      await()
          .atMost(Duration.ofSeconds(20))
          .until(() -> sandbox.processes().stream().noneMatch(each -> each.id().equals(id)));
    }
  }

  @Test
  default void aTerminalCanBeResized(Sandbox sandbox) throws Exception {
    Optional<Terminals> terminals = terminals(sandbox);
    if (terminals.isPresent()) {
      try (SandboxProcess process =
          terminals
              .get()
              .open(
                  Command.shell("echo ready; read -r line; stty size; echo end"),
                  TerminalSize.DEFAULT)) {
        until(process, "ready");
        process.resize(new TerminalSize(50, 132));
        type(process, "x\n");

        assertThat(until(process, "end")).contains("50 132");
      }
    }
  }

  @Test
  default void interruptingReachesTheForegroundJob(Sandbox sandbox) throws Exception {
    Optional<Terminals> terminals = terminals(sandbox);
    if (terminals.isPresent()) {
      // A trap, as a shell that is about to start a program may lose the signal for both.
      Command command =
          Command.shell("trap 'exit 77' INT; echo ready; while :; do sleep 0.1; done");
      try (SandboxProcess process = terminals.get().open(command, TerminalSize.DEFAULT)) {
        until(process, "ready");
        process.signal(Signal.INT);
        assertThat(process.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(77);
      }
      try (SandboxProcess process = terminals.get().open(command, TerminalSize.DEFAULT)) {
        until(process, "ready");
        type(process, "\u0003");
        assertThat(process.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(77);
      }
    }
  }

  @Test
  default void closingTheInputIsEndOfFile(Sandbox sandbox) throws Exception {
    Optional<Terminals> terminals = terminals(sandbox);
    if (terminals.isPresent()) {
      try (SandboxProcess process =
          terminals.get().open(Command.shell("echo ready; cat; echo end"), TerminalSize.DEFAULT)) {
        until(process, "ready");
        process.stdin().close();
        until(process, "end");

        assertThat(process.await(Duration.ofSeconds(20))).map(ProcessExit::returnCode).contains(0);
      }
    }
  }

  @Test
  default void aTerminalIsAttachedAgainWithReplay(Sandbox sandbox) throws Exception {
    Optional<Terminals> terminals = terminals(sandbox);
    if (terminals.isPresent()) {
      SandboxProcess first =
          terminals
              .get()
              .open(
                  Command.shell("echo hello; while read -r line; do echo \"<$line>\"; done"),
                  TerminalSize.DEFAULT);
      until(first, "hello");
      first.close();
      assertThat(sandbox.processes())
          .filteredOn(p -> p.id().equals(first.id()))
          .singleElement()
          .matches(p -> p.terminal() && p.running());

      try (SandboxProcess again = sandbox.attach(first.id(), 0, 0)) {
        until(again, "hello");
        type(again, "again\n");
        until(again, "<again>");
        again.resize(new TerminalSize(30, 90));
        again.kill();
        assertThat(again.await(Duration.ofSeconds(20))).isPresent();
      }
    }
  }

  private static void type(SandboxProcess process, String text) throws IOException {
    process.stdin().write(text.getBytes(StandardCharsets.UTF_8));
    process.stdin().flush();
  }

  /** Reads up to and including a text, or fails at the end of the output. */
  private static String until(SandboxProcess process, String text) throws IOException {
    InputStream out = process.stdout();
    StringBuilder seen = new StringBuilder();
    while (seen.indexOf(text) < 0) {
      int next = out.read();
      assertThat(next).as("output ended before '%s': %s", text, seen).isNotNegative();
      seen.append((char) next);
    }
    return seen.toString();
  }
}
