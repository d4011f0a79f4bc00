package dev.berth.cli;

import dev.berth.core.Berth;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Fetches images. */
@Command(
    name = "berth image pull",
    sortOptions = false,
    description = "Fetch images into the store, again if they are there.")
final class ImagePullVerb implements Verb {
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "A URI or an image's name.")
  private List<String> images = List.of();

  @Override
  public int run(Shell shell) throws InterruptedException {
    try (Berth berth = provider.open();
        Steps steps = new Steps(shell.console())) {
      for (String image : images) {
        shell.console().print(provider.images(berth).pull(image, steps).toString());
      }
      return 0;
    }
  }
}
