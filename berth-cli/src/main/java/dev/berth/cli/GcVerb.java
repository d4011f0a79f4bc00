package dev.berth.cli;

import dev.berth.core.Berth;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Clears away what crashes have left. */
@Command(
    name = "berth gc",
    sortOptions = false,
    description = "Clear away what crashed processes have left of their sandboxes.")
final class GcVerb implements Verb {
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Override
  public int run(Shell shell) throws InterruptedException {
    try (Berth berth = provider.open()) {
      berth.reap().forEach(shell.console()::print);
      return 0;
    }
  }
}
