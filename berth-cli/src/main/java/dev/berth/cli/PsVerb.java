package dev.berth.cli;

import dev.berth.core.Berth;
import dev.berth.spi.SandboxSummary;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists sandboxes. */
@Command(name = "berth ps", sortOptions = false, description = "List this user's sandboxes.")
final class PsVerb implements Verb {
  @Option(names = "--json", description = "One JSON object a line.")
  private boolean json;

  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Override
  public int run(Shell shell) throws InterruptedException {
    List<SandboxSummary> found;
    try (Berth berth = provider.open()) {
      found = berth.list().stream().sorted(Comparator.comparing(SandboxSummary::created)).toList();
    }
    if (json) {
      found.forEach(summary -> shell.console().print(json(summary).toString()));
      return 0;
    }
    Table table = new Table("ID", "IMAGE", "STATUS", "AGE", "EXPIRES", "OWNED", "LABELS");
    Instant now = Instant.now();
    for (SandboxSummary summary : found) {
      table.row(
          summary.id(),
          summary.image() == null ? "-" : summary.image(),
          status(summary),
          Durations.show(Duration.between(summary.created(), now)),
          expires(summary, now),
          summary.owned() ? "yes" : "no",
          labels(summary.metadata()));
    }
    shell.console().print(table.toString());
    return 0;
  }

  static Json json(SandboxSummary summary) {
    return new Json()
        .put("id", summary.id())
        .put("provider", summary.provider())
        .put("image", summary.image())
        .put("status", status(summary))
        .put("created", summary.created())
        .put("expires", summary.expires())
        .put("owned", summary.owned())
        .put("labels", new TreeMap<>(summary.metadata()));
  }

  static String status(SandboxSummary summary) {
    return summary.status().name().toLowerCase(Locale.ROOT);
  }

  static String expires(SandboxSummary summary, Instant now) {
    Instant end = summary.expires();
    return end == null ? "never" : "in " + Durations.show(Duration.between(now, end));
  }

  static String labels(Map<String, String> labels) {
    StringBuilder text = new StringBuilder();
    new TreeMap<>(labels)
        .forEach((name, value) ->
            text.append(text.isEmpty() ? "" : ",").append(name).append("=").append(value));
    return text.isEmpty() ? "-" : text.toString();
  }
}
