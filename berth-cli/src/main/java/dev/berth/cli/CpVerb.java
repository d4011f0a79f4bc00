package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.Transfer;
import dev.berth.core.Berth;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Copies files and folders in and out. */
@Command(
    name = "berth cp",
    sortOptions = false,
    description = "Copy a file or a folder into a sandbox, or out of it.")
final class CpVerb implements Verb {
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(index = "0", paramLabel = "SRC", description = "PATH here, or ID:PATH in a sandbox.")
  private String source = "";

  @Parameters(index = "1", paramLabel = "DST", description = "The same, on the other side.")
  private String target = "";

  @Override
  public int run(Shell shell) throws InterruptedException {
    Remote from = Remote.of(source);
    Remote to = Remote.of(target);
    Remote remote = from == null ? to : from;
    if (remote == null || (from != null && to != null)) {
      throw new RequestException(
          "Tried to copy '"
              + source
              + "' to '"
              + target
              + "'; one side, and only one, must be in a sandbox, as in ID:/path.");
    }
    try (Berth berth = provider.open(remote.id);
        Sandbox sandbox = Sandboxes.connect(berth, remote.id)) {
      Transfer done =
          from == null
              ? sandbox.upload(Path.of(source), remote.path)
              : sandbox.download(remote.path, Path.of(target));
      for (String skipped : done.skipped()) {
        shell.console().say("not copied, as it is neither file, folder nor symlink: " + skipped);
      }
      return 0;
    }
  }

  /** A path in a sandbox: {@code ID:PATH}. A path of this host with a colon begins with ./ or /. */
  record Remote(String id, String path) {
    static @Nullable Remote of(String word) {
      int colon = word.indexOf(':');
      if (colon <= 0 || word.startsWith(".") || word.lastIndexOf('/', colon) >= 0) {
        return null;
      }
      String path = word.substring(colon + 1);
      return new Remote(word.substring(0, colon), path.isEmpty() ? "." : path);
    }
  }
}
