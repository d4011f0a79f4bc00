package dev.berth.cli;

import dev.berth.core.Berth;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Builds an image, with the order of arguments that apptainer build has. */
@Command(
    name = "berth image build",
    sortOptions = false,
    description = "Build an image from a definition file and store it under a name.")
final class ImageBuildVerb implements Verb {
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(index = "0", paramLabel = "NAME", description = "Its name, such as tools:1.")
  private String name = "";

  @Parameters(index = "1", paramLabel = "DEFINITION", description = "The definition file.")
  private Path definition = Path.of("");

  @Override
  public int run(Shell shell) throws InterruptedException {
    try (Berth berth = provider.open();
        Steps steps = new Steps(shell.console())) {
      shell.console().print(Images.of(berth).build(name, definition, steps).toString());
      return 0;
    }
  }
}
