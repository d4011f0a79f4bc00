package dev.berth.core.launch;

import java.util.List;
import java.util.Map;

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
}
