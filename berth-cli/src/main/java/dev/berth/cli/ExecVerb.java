package dev.berth.cli;

import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.core.Berth;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Runs a command in a sandbox that is there. */
@Command(
    name = "berth exec",
    sortOptions = false,
    description = "Run a command in a running sandbox.")
final class ExecVerb implements Verb {
  @Mixin private final PlaceOptions place = new PlaceOptions();
  @Mixin private final StreamOptions streams = new StreamOptions();
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(index = "0", paramLabel = "ID", description = "The sandbox, or how its id begins.")
  private String id = "";

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "COMMAND",
      description = "A program and its arguments.")
  private List<String> words = List.of();

  @Override
  public boolean endsAtPositional() {
    return true;
  }

  @Override
  public int run(Shell shell) throws InterruptedException {
    streams.check();
    dev.berth.Command command = place.applyTo(Words.command(words), shell.env());
    try (Berth berth = provider.open(id);
        Sandbox sandbox = Sandboxes.connect(berth, id)) {
      if (!streams.detached) {
        return streams.run(sandbox, command, shell);
      }
      try (SandboxProcess process = streams.start(sandbox, command)) {
        shell.console().print(process.id());
        return 0;
      }
    }
  }
}
