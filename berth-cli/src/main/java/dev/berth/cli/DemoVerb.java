package dev.berth.cli;

import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
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

  private static final int TAIL = 12;

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
    SandboxSpec spec = SandboxSpec.builder().image(image).metadata("demo", "cpython-tests").build();
    try (Berth berth = provider.open()) {
      DemoProgress progress = new DemoProgress(shell.console(), modules.size());
      Evaluation evaluation =
          new Evaluation(berth, spec, modules, Math.min(count, modules.size()), timeout, progress);
      long started = System.nanoTime();
      List<Evaluation.Verdict> verdicts = evaluation.run();
      report(shell.console(), verdicts, Duration.ofNanos(System.nanoTime() - started), count);
      return verdicts.stream().allMatch(Evaluation.Verdict::passed) ? 0 : Failures.FAILED;
    } finally {
      shell.signals().shield();
    }
  }

  private static void report(
      Console console, List<Evaluation.Verdict> verdicts, Duration wall, int sandboxes) {
    Table table = new Table("MODULE", "VERDICT", "WALL", "CPU", "MAX RSS");
    Duration sum = Duration.ZERO;
    long passed = 0;
    for (Evaluation.Verdict verdict : verdicts) {
      table.row(
          verdict.module(),
          outcome(verdict),
          seconds(verdict.wall()),
          seconds(verdict.cpu()),
          Sizes.show(verdict.maxRssBytes()));
      sum = sum.plus(verdict.wall());
      passed += verdict.passed() ? 1 : 0;
    }
    console.print(table.toString());
    for (Evaluation.Verdict verdict : verdicts) {
      if (!verdict.passed()) {
        console.print(
            "\n" + verdict.module() + " " + outcome(verdict) + ":\n" + tail(verdict.output()));
      }
    }
    console.print(
        String.format(
            Locale.ROOT,
            "%n%d of %d passed in %s, in %d sandboxes from one image; one after another: %s (%.1f"
                + " times as long)",
            passed,
            verdicts.size(),
            seconds(wall),
            sandboxes,
            seconds(sum),
            (double) sum.toNanos() / wall.toNanos()));
  }

  private static String outcome(Evaluation.Verdict verdict) {
    return verdict.outcome().name().toLowerCase(Locale.ROOT);
  }

  static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.2f s", duration.toNanos() / 1e9);
  }

  private static String tail(String output) {
    List<String> lines = output.lines().toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - TAIL), lines.size()));
  }
}
