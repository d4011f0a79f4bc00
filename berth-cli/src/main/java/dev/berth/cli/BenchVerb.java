package dev.berth.cli;

import dev.berth.bench.Bench;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures Berth beside one apptainer process per operation. */
@Command(
    name = "berth bench",
    sortOptions = false,
    description = "Measure Berth side by side with one apptainer process per operation.")
final class BenchVerb implements Verb {
  @Option(names = "--json", description = "As one JSON document.")
  private boolean json;

  @Option(names = "--quick", description = "Fewer samples: a minute instead of six.")
  private boolean quick;

  @Option(names = "--image", paramLabel = "DIR", description = "An unpacked image.")
  private @Nullable Path image;

  @Option(names = "--sif", paramLabel = "FILE", description = "The same image as a SIF.")
  private @Nullable Path sif;

  @Option(names = "--bin-path", paramLabel = "DIR", description = "The folder with apptainer.")
  private @Nullable Path binPath;

  @Override
  public int run(Shell shell) throws InterruptedException {
    PrintStream out = new PrintStream(shell.console().out(), false, StandardCharsets.UTF_8);
    PrintStream progress = new PrintStream(shell.console().err(), true, StandardCharsets.UTF_8);
    Bench.run(new Bench.Options(json, quick, image, sif, binPath), out, progress);
    if (out.checkError()) {
      throw Console.lost(1, new IOException("not all of the report could be written"));
    }
    return 0;
  }
}
