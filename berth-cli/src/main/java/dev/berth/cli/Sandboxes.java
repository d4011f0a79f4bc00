package dev.berth.cli;

import dev.berth.Reconnect;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.Berth;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxSummary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Sandboxes by their ids, which may be abbreviated. */
final class Sandboxes {
  private static final int SHOWN = 8;

  private Sandboxes() {}

  /**
   * Takes hold of the sandbox whose id is, or begins with, {@code typed}; to be closed. One of this
   * host is found by its folder alone, without looking how all the others are.
   */
  static Sandbox connect(Berth berth, String typed) throws InterruptedException {
    Optional<SandboxFolder> stored = stored(typed);
    return berth.connect(
        stored.isPresent() ? stored.get().id() : find(berth.list(), typed).descriptor());
  }

  /** The only sandbox stored on this host whose id begins so. */
  static Optional<SandboxFolder> stored(String typed) {
    Optional<SandboxFolder> found = Optional.empty();
    for (SandboxFolder folder : StateHome.ofEnvironment().list()) {
      if (folder.id().startsWith(typed)) {
        if (typed.isEmpty() || found.isPresent()) {
          return Optional.empty();
        }
        found = Optional.of(folder);
      }
    }
    return found;
  }

  /** The one whose id is, or begins with, {@code typed}. */
  static SandboxSummary find(List<SandboxSummary> known, String typed) {
    List<SandboxSummary> matches = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    for (SandboxSummary summary : known) {
      if (summary.id().equals(typed)) {
        return summary;
      }
      ids.add(summary.id());
      if (!typed.isEmpty() && summary.id().startsWith(typed)) {
        matches.add(summary);
      }
    }
    if (matches.size() == 1) {
      return matches.get(0);
    }
    throw new SandboxLostException(null, typed, describe(typed, matches, ids), null);
  }

  private static String describe(String typed, List<SandboxSummary> matches, List<String> ids) {
    String tried = "Tried to find the sandbox '" + typed + "', but ";
    if (!matches.isEmpty()) {
      List<String> several = matches.stream().map(SandboxSummary::id).toList();
      return tried + "several begin so: " + shorten(several) + ".";
    }
    List<String> near = Closest.to(typed, ids);
    if (!near.isEmpty()) {
      return tried + "there is none; close to it: " + String.join(", ", near) + ".";
    }
    return tried
        + "there is none"
        + (ids.isEmpty() ? " at all." : "; there are " + shorten(ids) + ".");
  }

  private static String shorten(List<String> ids) {
    String shown = String.join(", ", ids.subList(0, Math.min(SHOWN, ids.size())));
    return ids.size() > SHOWN ? shown + " and " + (ids.size() - SHOWN) + " more" : shown;
  }

  /** Leaves it running when this process ends. */
  static void detach(Sandbox sandbox) throws InterruptedException {
    sandbox
        .ability(Reconnect.class)
        .orElseThrow(() ->
            new UnsupportedRequestException(
                sandbox.provider(),
                sandbox.id(),
                "Tried to leave a sandbox running, but those of this provider end with"
                    + " their creator.",
                null))
        .detach();
  }
}
