package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.bench.Bench;
import dev.berth.bench.RuntimeBench;
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

  @Option(
      names = "--swe-rex",
      paramLabel = "DIR",
      description = {
        "Measure the native runtime beside the swe-rex server",
        "in this unpacked image instead, as setup/swerex-image.sh builds it."
      })
  private @Nullable Path swerex;

  @Override
  public boolean holdsMany() {
    return true;
  }

  @Override
  public int run(Shell shell) throws InterruptedException {
    PrintStream out = new PrintStream(shell.console().out(), false, StandardCharsets.UTF_8);
    PrintStream progress = new PrintStream(shell.console().err(), true, StandardCharsets.UTF_8);
    if (swerex != null) {
      if (image != null || sif != null) {
        throw new RequestException(
            "Tried to measure --swe-rex with --image or --sif; its own image is all it takes.");
      }
      RuntimeBench.run(swerex, json, quick, binPath, out, progress);
    } else {
      Bench.run(new Bench.Options(json, quick, image, sif, binPath), out, progress);
    }
    if (out.checkError()) {
      throw Console.lost(1, new IOException("not all of the report could be written"));
    }
    return 0;
  }
}
