package dev.berth.cli;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Makes a sandbox that outlives this process, and prints its id. */
@Command(
    name = "berth start",
    sortOptions = false,
    description = "Start a sandbox that stays until berth stop, and print its id.")
final class StartVerb implements Verb {
  @Mixin private final PlaceOptions place = new PlaceOptions();
  @Mixin private final SandboxOptions options = new SandboxOptions();
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(
      paramLabel = "IMAGE",
      description = "A .sif file, a folder, a URI or an image's name; - for none.")
  private String image = "";

  @Override
  public int run(Shell shell) throws InterruptedException {
    SandboxSpec.Builder spec = Words.image(image);
    place.applyTo(spec, shell.env());
    options.applyTo(spec);
    try (Steps steps = new Steps(shell.console());
        Berth berth = provider.open(steps);
        Sandbox sandbox = berth.create(spec.build())) {
      steps.close();
      sandbox.notices().forEach(shell.console()::say);
      Sandboxes.detach(sandbox);
      shell.console().print(sandbox.id());
      return 0;
    }
  }
}
