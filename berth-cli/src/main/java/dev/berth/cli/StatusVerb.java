package dev.berth.cli;

import dev.berth.ProcessSummary;
import dev.berth.Sandbox;
import dev.berth.SandboxStatus;
import dev.berth.core.Berth;
import dev.berth.spi.SandboxSummary;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says how one sandbox is, and what runs in it. */
@Command(
    name = "berth status",
    sortOptions = false,
    description = "Show a sandbox and what runs in it.")
final class StatusVerb implements Verb {
  @Option(names = "--json", description = "As one JSON object.")
  private boolean json;

  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(paramLabel = "ID", description = "The sandbox, or how its id begins.")
  private String id = "";

  @Override
  public int run(Shell shell) throws InterruptedException {
    SandboxSummary summary;
    List<ProcessSummary> processes = List.of();
    List<String> notices = List.of();
    try (Berth berth = provider.open(id)) {
      summary = Sandboxes.find(berth.list(), id);
      if (summary.status() == SandboxStatus.RUNNING) {
        try (Sandbox sandbox = berth.connect(summary.descriptor())) {
          processes = sandbox.processes();
          notices = sandbox.notices();
        }
      }
    }
    if (json) {
      List<Json> listed = new ArrayList<>();
      processes.forEach(process -> listed.add(json(process)));
      Json object = PsVerb.json(summary).put("notices", notices).put("processes", listed);
      shell.console().print(object.toString());
    } else {
      show(shell.console(), summary, processes, notices);
    }
    return 0;
  }

  private static void show(
      Console console,
      SandboxSummary summary,
      List<ProcessSummary> processes,
      List<String> notices) {
    Table facts = new Table("id", summary.id());
    facts.row("provider", summary.provider());
    facts.row("image", summary.image() == null ? "-" : summary.image());
    facts.row("status", PsVerb.status(summary));
    facts.row("created", summary.created().toString());
    facts.row("expires", PsVerb.expires(summary, Instant.now()));
    facts.row("owned", summary.owned() ? "yes" : "no");
    facts.row("labels", PsVerb.labels(summary.metadata()));
    notices.forEach(notice -> facts.row("notice", notice));
    console.print(facts.toString());
    if (!processes.isEmpty()) {
      Table table = new Table("PROCESS", "PID", "STATE", "KIND", "AGE", "PROGRAM");
      for (ProcessSummary process : processes) {
        table.row(
            process.id(),
            Long.toString(process.pid()),
            process.running() ? "running" : "ended",
            kind(process),
            Durations.show(process.age()),
            process.program());
      }
      console.print("\n" + table);
    }
  }

  private static String kind(ProcessSummary process) {
    return process.terminal() ? "terminal" : process.background() ? "background" : "command";
  }

  private static Json json(ProcessSummary process) {
    return new Json()
        .put("id", process.id())
        .put("pid", process.pid())
        .put("running", process.running())
        .put("kind", kind(process))
        .put("age_s", process.age().toMillis() / 1000.0)
        .put("program", process.program());
  }
}
