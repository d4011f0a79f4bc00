package dev.berth.services.swerex;

import java.time.Duration;
import java.util.List;

/**
 * An interrupt of what runs in a session.
 *
 * @param timeout how long each try waits for the shell
 * @param retries how many tries there are
 * @param expect regular expressions: what else than the shell's prompt ends it, such as a program's
 *     own prompt
 */
public record BashInterrupt(String session, Duration timeout, int retries, List<String> expect) {
  public BashInterrupt {
    expect = List.copyOf(expect);
  }

  /** Three tries of 0.2 s, as swe-rex does. */
  public static BashInterrupt of(String session) {
    return new BashInterrupt(session, Duration.ofMillis(200), 3, List.of());
  }
}
