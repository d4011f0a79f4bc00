package dev.berth.bench;

import dev.berth.core.state.Scratch;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The benchmark: Berth beside one {@code apptainer} process per operation, interleaved in one run,
 * on a SIF and on an unpacked folder of the same image.
 */
public final class Bench {
  /**
   * What to measure.
   *
   * @param json whether the report is one JSON document instead of a table
   * @param quick fewer samples: at most a minute instead of at most six
   * @param image an unpacked image; absent for the one that {@code setup/image.sh} builds
   * @param sif the same image as a SIF; absent to build it from the folder once and keep it in the
   *     cache
   * @param binPath the folder that holds {@code apptainer}; absent to look on PATH and where {@code
   *     berth setup} installs it
   */
  public record Options(
      boolean json,
      boolean quick,
      @Nullable Path image,
      @Nullable Path sif,
      @Nullable Path binPath) {}

  private Bench() {}

  /**
   * Measures, and prints the report on {@code out} and what it is doing on {@code progress}. A
   * target that is missed is reported, not an error.
   *
   * @throws dev.berth.RequestException if there is no image or no Apptainer
   */
  public static void run(Options options, PrintStream out, PrintStream progress)
      throws InterruptedException {
    Path apptainer = Prerequisites.apptainer(options.binPath());
    Path folder = Prerequisites.image(options.image());
    Path sif = Prerequisites.sif(options.sif(), folder, apptainer, progress);
    Result result =
        run(
            options.quick() ? Plan.QUICK : Plan.FULL,
            options.quick(),
            apptainer,
            folder,
            sif,
            progress);
    out.println(options.json() ? JsonReport.of(result) : TextReport.of(result));
    out.flush();
  }

  static Result run(
      Plan plan, boolean quick, Path apptainer, Path folder, Path sif, PrintStream progress)
      throws InterruptedException {
    boolean root = Machine.isRoot();
    Machine machine = Machine.here(Prerequisites.version(apptainer), root);
    long start = System.nanoTime();
    try (Scratch scratch = Scratch.make();
        BerthContender berth = BerthContender.byDefault(Prerequisites.parent(apptainer));
        ProcessContender peer =
            new ProcessContender(apptainer.toString(), Prerequisites.flags(root), scratch.path())) {
      Suite suite = new Suite(plan, berth, peer, scratch.path(), progress);
      Alive alive = suite.alive(folder);
      suite.measure("SIF", sif, Suite.SIF_TARGETS);
      suite.measure("folder", folder, Suite.FOLDER_TARGETS);
      List<Measurement> measurements = new ArrayList<>(suite.measurements());
      if (!quick) {
        try (BerthContender mounting = BerthContender.mounting(Prerequisites.parent(apptainer))) {
          Suite less = new Suite(plan.third(), mounting, peer, scratch.path(), progress);
          less.measure("mounted SIF", sif, Suite.SIF_TARGETS);
          measurements.addAll(less.measurements());
        }
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      return new Result(machine, quick, suite.warmUp(), measurements, alive, seconds);
    }
  }
}
