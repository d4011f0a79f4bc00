package dev.berth.cli;

import dev.berth.OutputSink;
import dev.berth.ProcessSummary;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.core.Berth;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what a background command has printed. */
@Command(
    name = "berth logs",
    sortOptions = false,
    description = "Show the latest output (1 MiB a stream) of a background command.")
final class LogsVerb implements Verb {
  @Option(
      names = {"-f", "--follow"},
      description = "Go on with what comes, until the command's end.")
  private boolean follow;

  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(index = "0", paramLabel = "ID", description = "The sandbox, or how its id begins.")
  private String id = "";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "PROCESS",
      description = "The command, as berth status lists it (default: the first in the background).")
  private @Nullable String processId;

  @Override
  public int run(Shell shell) throws InterruptedException {
    try (Berth berth = provider.open(id);
        Sandbox sandbox = Sandboxes.connect(berth, id)) {
      ProcessSummary chosen = choose(sandbox.processes(), sandbox.id());
      if (follow) {
        try (SandboxProcess process = sandbox.attach(chosen.id(), 0, 0)) {
          new Replay(process, shell.console()).show();
        }
      } else {
        Console console = shell.console();
        show(sandbox.keptOutput(chosen.id(), OutputSink.Channel.STDOUT), 1, console.out());
        show(sandbox.keptOutput(chosen.id(), OutputSink.Channel.STDERR), 2, console.err());
      }
      return 0;
    }
  }

  private static void show(byte[] output, int descriptor, OutputStream to) {
    try {
      to.write(output);
    } catch (IOException e) {
      throw Console.lost(descriptor, e);
    }
  }

  private ProcessSummary choose(List<ProcessSummary> processes, String sandboxId) {
    ProcessSummary chosen = null;
    for (ProcessSummary process : processes) {
      boolean wanted =
          processId == null ? process.background() : process.id().startsWith(processId);
      if (wanted && (chosen == null || process.age().compareTo(chosen.age()) > 0)) {
        chosen = process;
      }
    }
    if (chosen == null) {
      throw new RequestException(
          "Tried to find "
              + (processId == null ? "a background command" : "the command " + processId)
              + " in sandbox "
              + sandboxId
              + ", but there is none; see: berth status "
              + sandboxId);
    }
    return chosen;
  }
}
