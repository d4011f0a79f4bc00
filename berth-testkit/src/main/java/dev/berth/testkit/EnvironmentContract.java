package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.UnsupportedRequestException;
import dev.berth.spi.SandboxProvider;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The variables of a command: exact, its own, and seen by nobody else. */
public interface EnvironmentContract extends ContractSubject {
  @Test
  default void variablesArriveExactly(Sandbox sandbox) throws Exception {
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("EMPTY", "");
    variables.put("_", "underscore");
    variables.put("_under_9", "a = b == c");
    variables.put("LINES_OF_TEXT", "first\n second\n\n");
    variables.put("QUOTES", "'single' \"double\" `id` $(id) $HOME \\");
    variables.put("lower", "ünï→😀");
    variables.put("LONG", "x".repeat(60_000));

    Command command = Command.of("env", "-0").withEnv(variables);
    List<String> seen = List.of(sandbox.exec(command).orThrow().stdout().split("\0"));

    variables.forEach((name, value) -> assertThat(seen).contains(name + "=" + value));
  }

  @Test
  default void theSpecsVariablesReachEveryCommandAndTheCommandsOwnWin(Sandbox sandbox)
      throws Exception {
    Command command = Command.of("printenv", SharedSpec.NAME);

    assertThat(Shell.text(sandbox, command)).isEqualTo(SharedSpec.VALUE);
    assertThat(Shell.text(sandbox, command.withEnv(SharedSpec.NAME, "from the command")))
        .isEqualTo("from the command");
    assertThat(Shell.text(sandbox, command)).isEqualTo(SharedSpec.VALUE);
  }

  @Test
  default void namesThatShellsAndRuntimesKeepForThemselvesWorkOrAreRefused(Sandbox sandbox)
      throws Exception {
    for (String name :
        List.of(
            "EUID", "GID", "HOME", "IFS", "OPTIND", "PWD", "UID", "LD_LIBRARY_PATH", "TMPDIR")) {
      try {
        ExecResult result = sandbox.exec(Command.of("printenv", name).withEnv(name, "/tmp"));
        assertThat(result.stdout()).as(name).isEqualTo("/tmp\n");
      } catch (RequestException | UnsupportedRequestException refused) {
        assertThat(refused).hasMessageContaining(name);
      }
    }
  }

  @Test
  default void aCommandHasAPathAndAHome(Sandbox sandbox) throws Exception {
    assertThat(Shell.text(sandbox, Command.of("printenv", "PATH"))).contains("/bin");
    assertThat(Shell.text(sandbox, Command.of("printenv", "HOME"))).startsWith("/");
  }

  @Test
  default void secretsAreOnNoCommandLineOfTheHost(Sandbox sandbox) throws Exception {
    String secret = "contract-secret-" + UUID.randomUUID();
    Command command =
        Command.shell("read -r line; echo \"$line $CONTRACT_OWN\"; read -r line")
            .withEnv("CONTRACT_OWN", secret);
    try (SandboxProcess process = sandbox.start(command)) {
      process.stdin().write((secret + "\n").getBytes(StandardCharsets.UTF_8));
      process.stdin().flush();
      String line =
          new BufferedReader(new InputStreamReader(process.stdout(), StandardCharsets.UTF_8))
              .readLine();

      assertThat(line).isEqualTo(secret + " " + secret);
      assertThat(HostProcesses.naming(secret)).isEmpty();
      assertThat(HostProcesses.naming(SharedSpec.SECRET)).isEmpty();
    }
  }

  @Test
  default void aHandleSaysNoSecret(Sandbox sandbox) {
    assertThat(sandbox.toString()).doesNotContain(SharedSpec.SECRET);
    assertThat(sandbox.spec().toString()).doesNotContain(SharedSpec.SECRET);
    assertThat(Command.shell("x").withEnv("A", SharedSpec.SECRET).toString())
        .doesNotContain(SharedSpec.SECRET);
  }

  @Test
  default void theHostsVariablesShowOnlyWhereNothingIsIsolated(SandboxProvider provider)
      throws Exception {
    String canary = "contract-host-variable-" + UUID.randomUUID();

    try (ChildJvm child = ChildJvm.start(this, Map.of("CONTRACT_CANARY", canary), "environment")) {
      String seen = child.answer();

      assertThat(seen).contains("PATH=");
      if (can(Trait.ISOLATED)) {
        assertThat(seen).doesNotContain(canary);
      }
      assertThat(child.exitCode()).as("it ends its sandbox itself").isZero();
    }
  }
}
