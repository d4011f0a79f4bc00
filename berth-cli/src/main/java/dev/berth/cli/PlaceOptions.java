package dev.berth.cli;

import dev.berth.Command;
import dev.berth.SandboxSpec;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where and as whom commands run: of one command, or of all in a sandbox. */
final class PlaceOptions {
  @Option(
      names = {"-e", "--env"},
      paramLabel = "NAME[=VALUE]",
      description = "Set a variable; without a value, to the one it has here.")
  private List<String> env = List.of();

  @Option(
      names = {"-w", "--workdir"},
      paramLabel = "DIR",
      description = "Working directory, absolute.")
  private @Nullable String workdir;

  @Option(
      names = {"-u", "--user"},
      paramLabel = "USER",
      description = "A name, a number, or USER:GROUP.")
  private @Nullable String user;

  Command applyTo(Command command, Map<String, String> host) {
    Command result = command.withEnv(Pairs.variables(env, host));
    if (workdir != null) {
      result = result.inDirectory(workdir);
    }
    return user == null ? result : result.asUser(user);
  }

  void applyTo(SandboxSpec.Builder spec, Map<String, String> host) {
    spec.env(Pairs.variables(env, host));
    if (workdir != null) {
      spec.workdir(workdir);
    }
    if (user != null) {
      spec.user(user);
    }
  }
}
