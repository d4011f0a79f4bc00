package dev.berth.cli;

import dev.berth.core.image.StoredImage;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Lists the store's images. */
@Command(
    name = "berth image ls",
    sortOptions = false,
    description = "List the images in the store.")
final class ImageLsVerb implements Verb {
  @Option(names = "--json", description = "One JSON object a line.")
  private boolean json;

  @Override
  public int run(Shell shell) throws InterruptedException {
    List<StoredImage> images = Images.store().list();
    if (json) {
      images.forEach(image -> shell.console().print(json(image).toString()));
      return 0;
    }
    Table table = new Table("IMAGE", "KIND", "SIZE", "CREATED", "LAST USED", "IN USE");
    Instant now = Instant.now();
    for (StoredImage image : images) {
      table.row(
          image.key().name(),
          kind(image),
          Sizes.show(image.bytes()),
          Durations.show(Duration.between(image.created(), now)) + " ago",
          Durations.show(Duration.between(image.lastUsed(), now)) + " ago",
          image.inUse() ? "yes" : "no");
    }
    shell.console().print(table.toString());
    return 0;
  }

  private static String kind(StoredImage image) {
    return image.key().kind().name().toLowerCase(Locale.ROOT);
  }

  private static Json json(StoredImage image) {
    return new Json()
        .put("image", image.key().name())
        .put("reference", image.key().reference())
        .put("kind", kind(image))
        .put("architecture", image.key().architecture())
        .put("path", image.path().toString())
        .put("bytes", image.bytes())
        .put("created", image.created())
        .put("last_used", image.lastUsed())
        .put("in_use", image.inUse());
  }
}
