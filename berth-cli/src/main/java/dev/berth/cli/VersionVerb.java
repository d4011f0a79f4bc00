package dev.berth.cli;

import picocli.CommandLine.Command;

/** Says which Berth this is, and on what it runs. */
@Command(
    name = "berth version",
    sortOptions = false,
    description = "Show the versions of Berth and Java.")
final class VersionVerb implements Verb {

  @Override
  public int run(Shell shell) {
    String version = VersionVerb.class.getPackage().getImplementationVersion();
    shell
        .console()
        .print(
            "berth "
                + (version == null ? "(unpackaged)" : version)
                + ", Java "
                + System.getProperty("java.version")
                + ", "
                + System.getProperty("os.name")
                + " "
                + System.getProperty("os.arch"));
    return 0;
  }
}
