package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.core.image.ImageReference;
import dev.berth.core.image.ImageStore;
import dev.berth.core.image.StoredImage;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Removes images from the store. */
@Command(
    name = "berth image rm",
    sortOptions = false,
    description = "Remove images from the store, in every form they are in.")
final class ImageRmVerb implements Verb {
  @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "As berth image ls lists it.")
  private List<String> images = List.of();

  @Override
  public int run(Shell shell) throws InterruptedException {
    ImageStore store = Images.store();
    for (String image : images) {
      String reference = ImageReference.parse(image).text();
      List<StoredImage> known = store.list();
      List<StoredImage> found =
          known.stream()
              .filter(
                  stored -> Stream.of(image, reference).anyMatch(stored.key().reference()::equals))
              .toList();
      if (found.isEmpty()) {
        List<String> references = known.stream().map(stored -> stored.key().reference()).toList();
        throw new RequestException(
            "Tried to remove the image "
                + image
                + ", but the store has none of that name; "
                + (references.isEmpty()
                    ? "it is empty."
                    : "it has " + String.join(", ", references) + "."));
      }
      for (StoredImage stored : found) {
        if (store.remove(stored.key(), Duration.ZERO)) {
          shell.console().print(stored.key().reference());
        }
      }
    }
    return 0;
  }
}
