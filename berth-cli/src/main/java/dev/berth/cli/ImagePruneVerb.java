package dev.berth.cli;

import dev.berth.core.image.StoredImage;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Removes the images that nobody uses. */
@Command(
    name = "berth image prune",
    sortOptions = false,
    description = "Remove the images that nobody uses.")
final class ImagePruneVerb implements Verb {
  @Option(
      names = "--unused-for",
      paramLabel = "DURATION",
      converter = Durations.class,
      description = "Only those that nobody has begun to use for so long, such as 7d.")
  private Duration unusedFor = Duration.ZERO;

  @Override
  public int run(Shell shell) throws InterruptedException {
    List<StoredImage> removed = Images.store().prune(unusedFor);
    long bytes = 0;
    for (StoredImage image : removed) {
      shell.console().print(image.key().name());
      bytes += image.bytes();
    }
    shell.console().say("removed " + removed.size() + " images, " + Sizes.show(bytes));
    return 0;
  }
}
