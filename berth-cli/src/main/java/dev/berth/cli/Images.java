package dev.berth.cli;

import dev.berth.UnsupportedRequestException;
import dev.berth.apptainer.ApptainerImages;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.core.Berth;
import dev.berth.core.image.ImageStore;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.spi.SandboxProvider;

/** Where this user's images are, and how they are made. */
final class Images {
  private Images() {}

  static ImageStore store() {
    CacheHome cache = CacheHome.ofEnvironment();
    return new ImageStore(cache, FolderRemoval.with(cache));
  }

  /** How the chosen provider gets images ready. */
  static ApptainerImages of(Berth berth) {
    SandboxProvider provider = berth.provider();
    if (provider instanceof ApptainerProvider apptainer) {
      return apptainer.images();
    }
    throw new UnsupportedRequestException(
        provider.name(),
        null,
        "Tried to get an image ready, but the provider "
            + provider.name()
            + " stores no images; choose another with --provider.",
        null);
  }
}
