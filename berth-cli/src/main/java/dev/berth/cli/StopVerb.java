package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxLostException;
import dev.berth.core.Berth;
import dev.berth.spi.SandboxSummary;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Ends sandboxes. */
@Command(
    name = "berth stop",
    sortOptions = false,
    description = "End sandboxes: every process in them, and what they stored.")
final class StopVerb implements Verb {
  @Option(names = "--all", description = "All of this user's, whoever made them.")
  private boolean all;

  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(paramLabel = "ID", description = "The sandboxes, or how their ids begin.")
  private List<String> ids = List.of();

  @Override
  public int run(Shell shell) throws InterruptedException {
    if (ids.isEmpty() != all) {
      throw new RequestException("Tried to stop sandboxes; name some, or say --all (not both).");
    }
    int code = 0;
    try (Berth berth = all ? provider.open() : provider.open(ids.get(0))) {
      List<SandboxSummary> known = berth.list();
      for (SandboxSummary summary : all ? known : chosen(known)) {
        try {
          stop(berth, summary);
          shell.console().print(summary.id());
        } catch (SandboxException e) {
          shell.console().say(String.valueOf(e.getMessage()));
          code = Failures.exitCode(e);
        }
      }
    }
    return code;
  }

  /** All are found before the first is stopped. */
  private List<SandboxSummary> chosen(List<SandboxSummary> known) {
    List<SandboxSummary> chosen = new ArrayList<>();
    for (String id : ids) {
      SandboxSummary found = Sandboxes.find(known, id);
      if (!chosen.contains(found)) {
        chosen.add(found);
      }
    }
    return chosen;
  }

  private static void stop(Berth berth, SandboxSummary summary) throws InterruptedException {
    try (Sandbox sandbox = berth.connect(summary.descriptor())) {
      sandbox.stop();
    } catch (SandboxLostException e) {
      // Its guest is gone; what is left of it is for the reaper.
      berth.reap();
    }
  }
}
