package dev.berth.cli;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.Terminals;
import dev.berth.UnsupportedRequestException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a command is joined to this process, and for how long it may run. */
final class StreamOptions {
  @Option(
      names = {"-i", "--interactive"},
      description = "Pass stdin on to the command.")
  boolean stdin;

  @Option(
      names = {"-t", "--tty"},
      description = "Run the command on a terminal.")
  boolean terminal;

  @Option(
      names = {"-d", "--detach"},
      description = "Leave the command running in the background; see berth logs.")
  boolean detached;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      converter = Durations.class,
      description = "Kill the command after this long, such as 30s or 5m (default: never).")
  @Nullable Duration timeout;

  /** Refuses what cannot go together. */
  void check() {
    if (detached && (stdin || terminal)) {
      throw new RequestException(
          "Tried to run a command in the background (-d) with -i or -t; leave out one of them.");
    }
  }

  /** Starts the command as these options say, stays with it to its end, returns its exit code. */
  int run(Sandbox sandbox, Command command, Shell shell) throws InterruptedException {
    Command limited = command.withTimeout(timeout == null ? Command.FOREVER : timeout);
    if (!terminal) {
      try (SandboxProcess process = sandbox.start(limited)) {
        return Attachment.piped(process, stdin, shell).stay();
      }
    }
    if (stdin && !shell.console().inIsTerminal()) {
      throw new RequestException(
          "Tried to use -i with -t, but stdin is no terminal; leave out -t.");
    }
    return onTerminal(sandbox, limited, shell);
  }

  /** Starts the command in the background. */
  SandboxProcess start(Sandbox sandbox, Command command) throws InterruptedException {
    return sandbox.startBackground(
        command.withTimeout(timeout == null ? Command.FOREVER : timeout));
  }

  private int onTerminal(Sandbox sandbox, Command command, Shell shell)
      throws InterruptedException {
    Terminals terminals =
        sandbox
            .ability(Terminals.class)
            .orElseThrow(() ->
                new UnsupportedRequestException(
                    sandbox.provider(),
                    sandbox.id(),
                    "Tried to open a terminal, but sandboxes of this provider have none.",
                    null));
    String kind = shell.env().get("TERM");
    Command named =
        kind == null || command.env().containsKey("TERM") ? command : command.withEnv("TERM", kind);
    try (HostTerminal host = HostTerminal.take(stdin);
        SandboxProcess process = terminals.open(named, host.size())) {
      return Attachment.onTerminal(process, host, shell).stay();
    }
  }
}
