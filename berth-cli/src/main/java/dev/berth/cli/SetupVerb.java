package dev.berth.cli;

import dev.berth.core.state.CacheHome;
import dev.berth.spi.Finding;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * The second half of {@code ./berth setup}: the launcher has got what is missing, this gets the
 * guest ready and says how things stand.
 */
@Command(
    name = "berth setup",
    sortOptions = false,
    description = "Get this host ready for sandboxes, and say how it stands.")
final class SetupVerb implements Verb {
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Override
  public int run(Shell shell) throws InterruptedException {
    shell.console().print("guest: " + CacheHome.ofEnvironment().guest());
    List<Finding> findings = provider.examine();
    DoctorVerb.show(findings, shell.console());
    boolean failed =
        findings.stream().anyMatch(finding -> finding.level() == Finding.Level.FAILURE);
    return failed ? Failures.FAILED : 0;
  }
}
