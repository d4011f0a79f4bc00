package dev.berth.cli;

import dev.berth.core.Berth;
import dev.berth.core.image.PullPolicy;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Fetches images. */
@Command(
    name = "berth image pull",
    sortOptions = false,
    description = "Fetch images into the store.")
final class ImagePullVerb implements Verb {
  @Option(
      names = "--policy",
      paramLabel = "always|missing|never",
      description = "Fetch what is there already, too (default), only what is missing, or nothing.")
  private PullPolicy policy = PullPolicy.ALWAYS;

  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "A URI or an image's name.")
  private List<String> images = List.of();

  @Override
  public int run(Shell shell) throws InterruptedException {
    try (Berth berth = provider.open();
        Steps steps = new Steps(shell.console())) {
      for (String image : images) {
        shell.console().print(Images.of(berth).pull(image, policy, steps).toString());
      }
      return 0;
    }
  }
}
