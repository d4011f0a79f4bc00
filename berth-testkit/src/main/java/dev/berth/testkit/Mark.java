package dev.berth.testkit;

import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.Sandbox;
import java.time.Duration;
import java.util.UUID;

/**
 * A unique name that loops of a test carry on their command line, so that anybody can see in /proc
 * which of them live. A loop ends by itself after a minute, whatever happens.
 */
record Mark(String name) {
  private static final String LOOP = "i=0; while [ $i -lt 240 ]; do sleep 0.25; i=$((i+1)); done";

  static Mark fresh() {
    return new Mark("contract-mark-" + UUID.randomUUID());
  }

  /**
   * A line of shell in which {@code sh -c "$LOOP" $MARK} is a loop with this mark. The line's own
   * command line does not carry it.
   */
  Command shell(String line) {
    return Command.shell(line).withEnv("LOOP", LOOP).withEnv("MARK", name);
  }

  /** One loop with this mark. */
  Command loop() {
    return Command.of("/bin/sh", "-c", LOOP, name);
  }

  /** How many processes with this mark the sandbox sees. */
  long alive(Sandbox sandbox) {
    String all = Shell.text(sandbox, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'");
    return all.lines().filter(name::equals).count();
  }

  /** Waits until at least so many live. */
  void awaitAlive(Sandbox sandbox, int atLeast) {
    await("loops to start").atMost(Duration.ofSeconds(20)).until(() -> alive(sandbox) >= atLeast);
  }

  /** Waits until none lives. */
  void awaitGone(Sandbox sandbox) {
    await("loops to die").atMost(Duration.ofSeconds(20)).until(() -> alive(sandbox) == 0);
  }

  /** Waits until the host sees none; for sandboxes that are gone. */
  void awaitGoneOnHost(Duration atMost) {
    await("loops to die").atMost(atMost).until(() -> HostProcesses.naming(name).isEmpty());
  }
}
