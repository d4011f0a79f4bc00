package dev.berth.core.launch;

import dev.berth.Command;
import dev.berth.SandboxSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How one guest is started on this host.
 *
 * @param command ends in {@code berth-guest serve --fd 3 …}, by whatever way
 * @param env its whole environment
 * @param notices see {@link dev.berth.Sandbox#notices()}
 * @param stays whether the command runs as long as the sandbox; else it ends when the start is done
 */
public record Launch(
    List<String> command, Map<String, String> env, List<String> notices, boolean stays) {
  /** Copies. */
  public Launch {
    command = List.copyOf(command);
    env = Map.copyOf(env);
    notices = List.copyOf(notices);
  }

  /** The guest's arguments for the times that a spec limits; its lease is the provider's to set. */
  public static List<String> limits(SandboxSpec spec) {
    List<String> arguments = new ArrayList<>();
    limit(arguments, "--lease", spec.lease());
    limit(arguments, "--ttl", spec.ttl());
    limit(arguments, "--idle", spec.idleLimit());
    return arguments;
  }

  private static void limit(List<String> arguments, String flag, @Nullable Duration duration) {
    if (duration != null && !duration.equals(Command.FOREVER)) {
      arguments.addAll(List.of(flag, Long.toString(duration.toMillis())));
    }
  }
}
