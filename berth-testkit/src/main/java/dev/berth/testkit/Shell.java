package dev.berth.testkit;

import dev.berth.Command;
import dev.berth.Sandbox;

/** Lines of shell in a sandbox that must work. */
final class Shell {
  private Shell() {}

  /** The output of a line that must end with code 0, without its last newlines. */
  static String text(Sandbox sandbox, String line) {
    return text(sandbox, Command.shell(line));
  }

  /** The same for a command. */
  static String text(Sandbox sandbox, Command command) {
    try {
      return sandbox.exec(command).orThrow().stdout().stripTrailing();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted during a command of a test", e);
    }
  }

  /** A text as one word of shell. */
  static String quote(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
