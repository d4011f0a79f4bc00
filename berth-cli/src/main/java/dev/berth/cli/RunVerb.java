package dev.berth.cli;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Runs one command in a new sandbox, which ends with it. */
@Command(
    name = "berth run",
    sortOptions = false,
    description = "Run a command in a new sandbox and remove that afterwards.")
final class RunVerb implements Verb {
  @Mixin private final PlaceOptions place = new PlaceOptions();
  @Mixin private final SandboxOptions options = new SandboxOptions();
  @Mixin private final StreamOptions streams = new StreamOptions();
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(
      index = "0",
      paramLabel = "IMAGE",
      description = "A .sif file, a folder, a URI or an image's name; - for none.")
  private String image = "";

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
    dev.berth.Command command = Words.command(words);
    SandboxSpec.Builder spec = Words.image(image);
    place.applyTo(spec, shell.env());
    options.applyTo(spec);
    try (Steps steps = new Steps(shell.console());
        Berth berth = provider.open(steps)) {
      if (streams.detached) {
        return startDetached(berth, spec.build(), command, shell, steps);
      }
      try (Sandbox sandbox = berth.create(spec.build())) {
        steps.close();
        sandbox.notices().forEach(shell.console()::say);
        return streams.run(sandbox, command, shell);
      } finally {
        shell.signals().shield();
      }
    }
  }

  private int startDetached(
      Berth berth, SandboxSpec spec, dev.berth.Command command, Shell shell, Steps steps)
      throws InterruptedException {
    try (Sandbox sandbox = berth.create(spec)) {
      steps.close();
      sandbox.notices().forEach(shell.console()::say);
      streams.start(sandbox, command).close();
      Sandboxes.detach(sandbox);
      shell.console().print(sandbox.id());
      return 0;
    }
  }
}
