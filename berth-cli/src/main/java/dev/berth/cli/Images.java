package dev.berth.cli;

import dev.berth.core.image.ImageStore;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;

/** This user's image store. */
final class Images {
  private Images() {}

  static ImageStore store() {
    CacheHome cache = CacheHome.ofEnvironment();
    return new ImageStore(cache, FolderRemoval.with(cache));
  }
}
