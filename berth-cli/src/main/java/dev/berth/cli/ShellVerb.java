package dev.berth.cli;

import dev.berth.Sandbox;
import dev.berth.core.Berth;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Opens a shell in a sandbox that is there: bash where the image has it, else sh. */
@Command(
    name = "berth shell",
    sortOptions = false,
    description = "Open a shell in a running sandbox, on a terminal if this is one.")
final class ShellVerb implements Verb {
  private static final String FIRST =
      "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";

  @Mixin private final PlaceOptions place = new PlaceOptions();
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(paramLabel = "ID", description = "The sandbox, or how its id begins.")
  private String id = "";

  @Override
  public int run(Shell shell) throws InterruptedException {
    StreamOptions streams = new StreamOptions();
    streams.stdin = true;
    streams.terminal = shell.console().inIsTerminal();
    try (Berth berth = provider.open(id);
        Sandbox sandbox = Sandboxes.connect(berth, id)) {
      dev.berth.Command command = dev.berth.Command.shell(FIRST);
      return streams.run(sandbox, place.applyTo(command, shell.env()), shell);
    }
  }
}
