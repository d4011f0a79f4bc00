package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.services.eval.EvalFolder;
import dev.berth.services.eval.Evaluation;
import dev.berth.services.eval.Result;
import dev.berth.services.eval.Task;
import dev.berth.services.eval.Tasks;
import dev.berth.services.eval.Verdict;
import dev.berth.services.swerex.BatchInstance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** An evaluation in small: CPython's own tests, in parallel sandboxes from one image. */
@Command(
    name = "berth demo",
    sortOptions = false,
    description = "Run CPython's own tests in parallel sandboxes from one image.")
final class DemoVerb implements Verb {
  /** The folder that setup/image.sh has made; the launcher says where. */
  private static final String IMAGE = "BERTH_IMAGE";

  private static final int TAIL = 1200;

  @Option(
      names = "--sandboxes",
      paramLabel = "N",
      description = "How many at a time (default: as many as processors, at least 2).")
  private @Nullable Integer sandboxes;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      converter = Durations.class,
      description = "Limit for each module (default: 3m).")
  private Duration timeout = Duration.ofMinutes(3);

  @Mixin private final ProviderOptions provider = new ProviderOptions();

  @Parameters(paramLabel = "MODULE", description = "Test modules (default: a choice of 20).")
  private List<String> modules =
      List.of(
          "test_json",
          "test_re",
          "test_dict",
          "test_list",
          "test_set",
          "test_math",
          "test_string",
          "test_heapq",
          "test_bisect",
          "test_textwrap",
          "test_collections",
          "test_itertools",
          "test_functools",
          "test_fractions",
          "test_base64",
          "test_csv",
          "test_struct",
          "test_configparser",
          "test_deque",
          "test_copy");

  @Override
  public boolean holdsMany() {
    return true;
  }

  @Override
  public int run(Shell shell) throws InterruptedException {
    String image = shell.env().get(IMAGE);
    if (image == null || image.isEmpty()) {
      throw new RequestException(
          "Tried to find the demo's image, but "
              + IMAGE
              + " is not set; start it as ./berth demo"
              + " in a checkout of Berth, which builds one.");
    }
    int count =
        sandboxes == null ? Math.max(2, Runtime.getRuntime().availableProcessors()) : sandboxes;
    if (count < 1 || count > 256) {
      throw new RequestException("Tried to use " + count + " sandboxes; it must be 1 to 256.");
    }
    Path folder = temporary();
    boolean keep = true;
    try (EvalFolder results = EvalFolder.open(folder, false)) {
      List<Task> tasks = tasks(image);
      long started = System.nanoTime();
      evaluate(shell, results, tasks, Math.min(count, modules.size()));
      Duration wall = Duration.ofNanos(System.nanoTime() - started);
      int code = report(shell.console(), results, tasks, wall, count);
      keep = code != 0;
      return code;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      if (keep) {
        shell.console().say("the logs are in " + folder);
      } else {
        remove(folder);
      }
    }
  }

  private List<Task> tasks(String image) {
    SandboxSpec spec = SandboxSpec.builder().image(image).metadata("demo", "cpython-tests").build();
    Tasks tasks = new Tasks(spec, timeout, false);
    return modules.stream()
        .map(module ->
            tasks.of(
                new BatchInstance(
                    module,
                    "",
                    null,
                    null,
                    null,
                    Map.of("directory", "/tmp", "test_command", "python3 -m test -q " + module))))
        .toList();
  }

  private void evaluate(Shell shell, EvalFolder folder, List<Task> tasks, int count)
      throws InterruptedException, IOException {
    try (Berth berth = provider.open();
        EvalProgress progress = new EvalProgress(shell.console(), tasks.size(), true)) {
      try {
        new Evaluation(berth, folder, count, 0, progress).run(tasks);
      } finally {
        shell.signals().shield();
      }
    }
  }

  /** Prints what came of it, and returns the exit code. */
  private static int report(
      Console console, EvalFolder folder, List<Task> tasks, Duration wall, int sandboxes)
      throws IOException {
    Table table = new Table("MODULE", "VERDICT", "WALL", "CPU", "MAX RSS");
    Duration sum = Duration.ZERO;
    List<Result> others = new ArrayList<>();
    for (Task task : tasks) {
      Result result = folder.result(task).orElseThrow();
      table.row(
          result.id(),
          result.verdict().word(),
          EvalTable.seconds(result.total()),
          EvalTable.seconds(result.cpu()),
          Sizes.show(result.maxRssBytes()));
      sum = sum.plus(result.total());
      if (result.verdict() != Verdict.PASSED) {
        others.add(result);
      }
    }
    console.print(table.toString());
    for (Result result : others) {
      console.print("\n" + result.id() + " " + result.verdict().word() + ": " + result.reason());
      console.print(folder.tail(result.id(), TAIL));
    }
    console.print(
        String.format(
            Locale.ROOT,
            "%n%d of %d passed in %s, each in a sandbox of its own, %d at a time; one after"
                + " another: %s (%.1f times as long)",
            tasks.size() - others.size(),
            tasks.size(),
            EvalTable.seconds(wall),
            sandboxes,
            EvalTable.seconds(sum),
            (double) sum.toNanos() / wall.toNanos()));
    return new EvalTable(others, 0).exitCode();
  }

  private static Path temporary() {
    try {
      return Files.createTempDirectory("berth-demo");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void remove(Path folder) {
    FolderRemoval.with(CacheHome.ofEnvironment()).remove(folder);
  }
}
