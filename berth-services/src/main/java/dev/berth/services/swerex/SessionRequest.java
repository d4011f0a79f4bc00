package dev.berth.services.swerex;

import java.time.Duration;
import java.util.List;

/**
 * A lasting shell to start.
 *
 * @param startupSource files that the shell sources first, in order
 * @param startupTimeout how long the shell may take until it answers
 */
public record SessionRequest(String session, List<String> startupSource, Duration startupTimeout) {
  /** The name of a session where none is given. */
  public static final String DEFAULT = "default";

  public SessionRequest {
    startupSource = List.copyOf(startupSource);
  }

  /** A session of this name, with nothing sourced and a second to start. */
  public static SessionRequest of(String session) {
    return new SessionRequest(session, List.of(), Duration.ofSeconds(1));
  }
}
