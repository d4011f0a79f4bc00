package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import dev.berth.core.process.Reason;
import dev.berth.services.eval.EvalFolder;
import dev.berth.services.eval.Evaluation;
import dev.berth.services.eval.Result;
import dev.berth.services.eval.Task;
import dev.berth.services.eval.Tasks;
import dev.berth.services.swerex.Batch;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a file of instances, each in a sandbox of its own, to a verdict each. */
@Command(
    name = "berth eval",
    sortOptions = false,
    description = "Run a file of instances, each in its sandbox: set-up, patch, test, verdict.")
final class EvalVerb implements Verb {
  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      description = "Where results, logs and report go (default: FILE's name + .eval, here).")
  private @Nullable Path output;

  @Option(
      names = {"-j", "--jobs"},
      paramLabel = "N",
      description = "How many at a time (default: as many as processors, at least 2).")
  private @Nullable Integer jobs;

  @Option(
      names = "--retries",
      paramLabel = "N",
      description = "How often to begin again after a failure of the sandbox (default: 2).")
  private int retries = 2;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      converter = Durations.class,
      description = "Limit for each instance that names none (default: 30m).")
  private Duration timeout = Duration.ofMinutes(30);

  @Option(names = "--image", paramLabel = "IMAGE", description = "For rows that name none.")
  private @Nullable String image;

  @Option(
      names = "--filter",
      paramLabel = "REGEX",
      description = "Only instances whose id begins with a match of this.")
  private String filter = ".*";

  @Option(
      names = "--slice",
      paramLabel = "[A:]B[:STEP]",
      description = "Only this part of them, as Python slices a list.")
  private String slice = "";

  @Option(names = "--shuffle", description = "Shuffle them first, always the same way.")
  private boolean shuffle;

  @Option(names = "--skip-before", description = "Do not run tests before the patch.")
  private boolean skipBefore;

  @Option(
      names = "--resume",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Keep the results that are there (default), or delete them and begin anew.")
  private boolean resume;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Mixin private final PlaceOptions place = new PlaceOptions();
  @Mixin private final SandboxOptions options = new SandboxOptions();
  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(
      paramLabel = "FILE",
      description = "Instances as JSON lines, JSON, YAML or CSV; rows of SWE-bench as they are.")
  private Path file = Path.of("");

  @Override
  public boolean holdsMany() {
    return true;
  }

  @Override
  public int run(Shell shell) throws InterruptedException {
    check();
    List<Task> tasks = tasks(shell);
    Path to = output == null ? Path.of(stem(file) + ".eval") : output;
    try (EvalFolder folder = EvalFolder.open(to, resume)) {
      long before = tasks.stream().filter(task -> stands(folder.result(task))).count();
      if (before > 0) {
        shell.console().say(before + " of " + tasks.size() + " were done before: " + to);
      }
      try {
        evaluate(shell, folder, tasks, (int) (tasks.size() - before));
      } catch (InterruptedException e) {
        shell.console().say("interrupted; the same command goes on where it was");
        throw e;
      }
      return report(shell.console(), folder, tasks);
    } catch (IOException e) {
      shell.console().say(Reason.of(e));
      return Failures.SANDBOX;
    }
  }

  private void check() {
    if (jobs != null && (jobs < 1 || jobs > 256)) {
      throw new RequestException("Tried to run " + jobs + " at a time; it must be 1 to 256.");
    }
    if (retries < 0 || retries > 10) {
      throw new RequestException("Tried to retry " + retries + " times; it must be 0 to 10.");
    }
  }

  private List<Task> tasks(Shell shell) {
    SandboxSpec.Builder template = image == null ? SandboxSpec.builder() : Words.image(image);
    place.applyTo(template, shell.env());
    options.applyTo(template);
    Tasks tasks = new Tasks(template.build(), timeout, !skipBefore);
    List<Task> all =
        new Batch(file, filter, slice, shuffle).read().stream().map(tasks::of).toList();
    if (all.isEmpty()) {
      throw new RequestException(
          "Tried to evaluate "
              + file
              + ", but no instance is chosen; look at --filter and --slice.");
    }
    TreeSet<String> unused = new TreeSet<>();
    all.forEach(task -> unused.addAll(task.unused()));
    if (!unused.isEmpty()) {
      shell.console().say("these fields mean nothing here: " + String.join(", ", unused));
    }
    return all;
  }

  private void evaluate(Shell shell, EvalFolder folder, List<Task> tasks, int left)
      throws InterruptedException, IOException {
    int parallel = jobs == null ? Math.max(2, Runtime.getRuntime().availableProcessors()) : jobs;
    try (Berth berth = provider.open();
        EvalProgress progress = new EvalProgress(shell.console(), left, false)) {
      try {
        new Evaluation(berth, folder, parallel, retries, progress).run(tasks);
      } finally {
        shell.signals().shield();
      }
    }
  }

  private int report(Console console, EvalFolder folder, List<Task> tasks) throws IOException {
    List<Result> results = new ArrayList<>();
    tasks.forEach(task -> folder.result(task).ifPresent(results::add));
    Path page = folder.writeReport("berth eval " + file.getFileName(), tasks);
    EvalTable table = new EvalTable(results, tasks.size() - results.size());
    if (json) {
      console.print(
          table
              .json()
              .put("results_file", folder.resultsFile().toString())
              .put("report", page.toString())
              .toString());
    } else {
      console.print(table.text());
      console.print("\n" + table.sum() + "; " + folder.resultsFile() + ", " + page);
    }
    return table.exitCode();
  }

  private static boolean stands(Optional<Result> result) {
    return result.isPresent() && result.get().verdict().isFinal();
  }

  private static String stem(Path file) {
    String name = String.valueOf(file.getFileName());
    int dot = name.lastIndexOf('.');
    return dot <= 0 ? name : name.substring(0, dot);
  }
}
