package dev.berth.core.state;

import dev.berth.SandboxException;
import dev.berth.core.process.HostCommand;
import dev.berth.core.process.HostResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Deletes folder trees that a sandbox has written: the guest's host mode does it, descriptor by
 * descriptor, never following a link or crossing a mount, and in a user namespace for what belongs
 * to subordinate ids. Thread-safe.
 */
public final class FolderRemoval {
  private static final Duration LIMIT = Duration.ofMinutes(10);

  private final Supplier<Path> guest;

  /** With the guest's program, asked for when there is something to delete. */
  public FolderRemoval(Supplier<Path> guest) {
    this.guest = guest;
  }

  /** With the guest's program from this cache. */
  public static FolderRemoval with(CacheHome cache) {
    return new FolderRemoval(cache::guest);
  }

  /**
   * Deletes these trees; what is not there counts as deleted. An interrupt is kept for afterwards:
   * cleaning up goes on.
   *
   * @return what is left and why, as one line; empty if all are gone
   */
  public Optional<String> remove(Path... trees) {
    List<String> arguments = new ArrayList<>();
    Arrays.stream(trees)
        .filter(tree -> Files.exists(tree, LinkOption.NOFOLLOW_LINKS))
        .forEach(tree -> arguments.add(tree.toAbsolutePath().toString()));
    if (arguments.isEmpty()) {
      return Optional.empty();
    }
    boolean interrupted = Thread.interrupted();
    try {
      arguments.addAll(0, List.of(guest.get().toString(), "remove"));
      HostCommand command = HostCommand.of(arguments).withTimeout(LIMIT);
      while (true) {
        try {
          HostResult result = command.run();
          return result.ok() ? Optional.empty() : Optional.of(oneLine(result.description()));
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (SandboxException e) {
      return Optional.of(oneLine(String.valueOf(e.getMessage())));
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", "; ");
  }
}
