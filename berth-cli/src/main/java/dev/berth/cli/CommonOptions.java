package dev.berth.cli;

import picocli.CommandLine.Option;

/** What every verb takes. */
final class CommonOptions {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  @Option(names = "--debug", description = "Show stack traces of failures.")
  private boolean debug;

  boolean help() {
    return help;
  }

  boolean debug() {
    return debug;
  }
}
