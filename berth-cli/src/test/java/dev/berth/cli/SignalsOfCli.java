package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command promises about signals, and about its own violent end. */
interface SignalsOfCli extends CliSubject {
  @Test
  default void controlCReachesTheCommand() {
    Cli.Running running = ready("trap 'echo got; exit 3' INT", "exec", id());
    running.signal("INT");
    Cli.Result result = running.end();
    assertThat(result.code()).isEqualTo(3);
    assertThat(result.stdout()).isEqualTo("ready\ngot\n");
  }

  @Test
  default void userSignalsReachTheCommand() {
    Cli.Running running = ready("trap 'exit 4' USR1", "exec", id());
    running.signal("USR1");
    assertThat(running.end().code()).isEqualTo(4);
  }

  @Test
  default void aSignalThatEndsTheCommandIsInItsCode() {
    for (String[] expected : new String[][] {{"INT", "130"}, {"TERM", "143"}, {"HUP", "129"}}) {
      Cli.Running running = ready(":", "exec", id());
      running.signal(expected[0]);
      assertThat(running.end().code()).hasToString(expected[1]);
    }
  }

  @Test
  default void aSecondControlCKills() {
    Cli.Running running = ready("trap '' INT", "exec", id());
    running.signal("INT");
    running.signal("INT");
    // Should the machine have taken 2 s between those two, these are two more.
    running.signal("INT");
    assertThat(running.end().code()).isEqualTo(137);
  }

  @Test
  default void nothingIsLeftAfterARunThatASignalEnds() {
    for (String signal : new String[] {"INT", "TERM"}) {
      Cli.Running running = ready(":", "run", image());
      assertThat(cli().folders()).hasSizeGreaterThan(1);
      running.signal(signal);
      assertThat(running.end().code()).isGreaterThan(128);
      assertThat(cli().folders()).containsExactly(id());
    }
  }

  @Test
  default void nothingIsLeftAfterARunThatIsKilledWhenItsLeaseIsOver(@TempDir Path folder)
      throws IOException {
    String lease = provider().equals("apptainer") ? "{create: {lease_s: 2}}" : "{lease_s: 2}";
    Path config = folder.resolve("berth.yaml");
    Files.writeString(config, "sandbox: {" + provider() + ": " + lease + "}\n");
    Cli.Running running = ready(":", "run", "--config", config.toString(), image());
    running.signal("KILL");
    running.end();
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofSeconds(1))
        .untilAsserted(() -> {
          cli().run("ps");
          assertThat(cli().folders()).containsExactly(id());
        });
  }

  /** Starts a command that prepares, says that it is ready, and goes on for ever. */
  private Cli.Running ready(String prepare, String... verb) {
    String[] words = java.util.Arrays.copyOf(verb, verb.length + 3);
    words[verb.length] = "sh";
    words[verb.length + 1] = "-c";
    words[verb.length + 2] = prepare + "; echo ready; while :; do sleep 0.05; done";
    Cli.Running running = cli().start(words);
    await().atMost(Duration.ofSeconds(30)).until(() -> running.soFar().startsWith("ready\n"));
    return running;
  }
}
