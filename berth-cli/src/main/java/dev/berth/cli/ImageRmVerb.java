package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.core.image.ImageStore;
import dev.berth.core.image.StoredImage;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Removes images from the store. */
@Command(
    name = "berth image rm",
    sortOptions = false,
    description = "Remove images from the store, in every form they are in.")
final class ImageRmVerb implements Verb {
  @Parameters(
      arity = "1..*",
      paramLabel = "IMAGE",
      description = "As berth image ls lists it; for what was unpacked of a file, its path.")
  private List<String> images = List.of();

  @Override
  public int run(Shell shell) throws InterruptedException {
    ImageStore store = Images.store();
    for (String image : images) {
      List<StoredImage> found = store.named(image);
      if (found.isEmpty()) {
        List<String> names =
            store.list().stream().map(stored -> stored.key().name()).distinct().toList();
        throw new RequestException(
            "Tried to remove the image "
                + image
                + ", but the store has none of that name; "
                + (names.isEmpty() ? "it is empty." : "it has " + String.join(", ", names) + "."));
      }
      for (StoredImage stored : found) {
        if (store.remove(stored.key(), Duration.ZERO)) {
          shell.console().print(stored.key().name());
        }
      }
    }
    return 0;
  }
}
