package dev.berth.cli;

/** What follows {@code berth} on a command line: picocli fills its options, then it runs once. */
interface Verb {
  /** Does its work and returns the exit code. What it throws, {@link Main} reports. */
  int run(Shell shell) throws InterruptedException;

  /** Whether it may have many sandboxes at once, or runs for long. */
  default boolean holdsMany() {
    return false;
  }

  /** Whether all that follows the first arguments belongs to a command, options too. */
  default boolean endsAtPositional() {
    return false;
  }
}
