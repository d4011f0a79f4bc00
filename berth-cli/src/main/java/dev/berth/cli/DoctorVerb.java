package dev.berth.cli;

import dev.berth.spi.Finding;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Looks for what stops sandboxes on this host. */
@Command(
    name = "berth doctor",
    sortOptions = false,
    description = "Find what stops sandboxes on this host, and say what to do about it.")
final class DoctorVerb implements Verb {
  private static final int GREEN = 32;
  private static final int YELLOW = 33;
  private static final int RED = 31;

  @Option(names = "--json", description = "One JSON object a line.")
  private boolean json;

  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Override
  public int run(Shell shell) throws InterruptedException {
    List<Finding> findings = provider.examine();
    if (json) {
      findings.forEach(finding -> shell.console().print(json(finding).toString()));
    } else {
      show(findings, shell.console());
    }
    boolean failed =
        findings.stream().anyMatch(finding -> finding.level() == Finding.Level.FAILURE);
    return failed ? Failures.FAILED : 0;
  }

  static void show(List<Finding> findings, Console console) {
    int width = findings.stream().mapToInt(finding -> finding.subject().length()).max().orElse(0);
    for (Finding finding : findings) {
      String mark =
          switch (finding.level()) {
            case OK -> console.paint(GREEN, "✓ ok     ");
            case WARNING -> console.paint(YELLOW, "! warning");
            case FAILURE -> console.paint(RED, "✗ failure");
          };
      String subject = finding.subject() + " ".repeat(width - finding.subject().length());
      console.print(mark + "  " + subject + "  " + finding.observation());
      if (!finding.remedy().isEmpty()) {
        console.print(" ".repeat(width + 13) + "→ " + finding.remedy());
      }
    }
  }

  private static Json json(Finding finding) {
    return new Json()
        .put("subject", finding.subject())
        .put("level", finding.level().name().toLowerCase(Locale.ROOT))
        .put("observation", finding.observation())
        .put("remedy", finding.remedy());
  }
}
