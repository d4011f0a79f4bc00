package dev.berth.services.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import dev.berth.local.LocalProvider;
import dev.berth.services.swerex.BatchInstance;
import dev.berth.spi.ConfigSection;
import dev.berth.spi.Finding;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of instances, in sandboxes that are processes of this host. */
@Timeout(120)
class EvaluationIT {
  /** Other tests in this state home leave sandboxes of hosts that they killed. */
  private final Instant began = Instant.now();

  private void assertNothingLeft(Berth berth) throws InterruptedException {
    assertThat(berth.provider().list())
        .filteredOn(left -> left.created() != null && left.created().isAfter(began))
        .isEmpty();
  }

  @TempDir private Path folder;

  private final List<String> heard = Collections.synchronizedList(new ArrayList<>());

  @Test
  void eachEndsAsItsCommandsDo() throws Exception {
    String patch = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+two\n";
    Map<String, String> fixed =
        Map.of("setup", "echo one > f", "patch", patch, "test_command", "grep two f");
    List<Task> tasks =
        List.of(
            task("fixed", fixed),
            task("not-fixed", with(fixed, "test_command", "grep three f")),
            task("never-broken", with(fixed, "test_command", "grep o f")),
            task("unfit", with(fixed, "setup", "echo three > f")),
            task("no-setup", with(fixed, "setup", "exit 7")),
            task(
                "slow",
                Map.of("test_command", "echo so far; sleep 60 & sleep 60", "timeout", "0.5")),
            task("no-program", Map.of("test_command", "[\"no-such-program\"]")));
    Map<String, Result> results = run(tasks);
    assertThat(results.get("fixed").verdict()).isEqualTo(Verdict.PASSED);
    assertThat(results.get("fixed").exitCodes())
        .containsEntry(Phase.BEFORE, 1)
        .containsEntry(Phase.AFTER, 0);
    assertThat(results.get("fixed").took()).containsKeys(Phase.CREATE, Phase.PATCH, Phase.STOP);
    failed(results.get("not-fixed"), Phase.AFTER, "code 1");
    failed(results.get("never-broken"), Phase.BEFORE, "passes without the patch");
    failed(results.get("unfit"), Phase.PATCH, "does not apply");
    failed(results.get("no-setup"), Phase.SETUP, "set-up command 1 ended with code 7");
    failed(results.get("no-program"), Phase.AFTER, "code 127");
    assertThat(results.get("slow").verdict()).isEqualTo(Verdict.TIMEOUT);
    assertThat(Files.readString(folder.resolve("logs/slow.log"))).contains("so far");
    assertThat(results.values()).allMatch(result -> result.attempts() == 1);
  }

  @Test
  void aSandboxThatIsLostIsTriedAgainAndATestIsNot() throws Exception {
    Path mark = folder.resolve("mark");
    Path tries = folder.resolve("tries");
    String lost = "echo x >> %s; test -e %s || { touch %s; kill -9 $PPID; sleep 60; }";
    List<Task> tasks =
        List.of(
            task("lost-once", Map.of("test_command", lost.formatted(tries, mark, mark))),
            task("lost-always", Map.of("test_command", "kill -9 $PPID; sleep 60")),
            task(
                "fails",
                Map.of("test_command", "echo x >> " + folder.resolve("fails") + "; false")));
    Map<String, Result> results = run(tasks);
    assertThat(results.get("lost-once").verdict()).isEqualTo(Verdict.PASSED);
    assertThat(results.get("lost-once").attempts()).isEqualTo(2);
    assertThat(Files.readAllLines(tries)).hasSize(2);
    assertThat(results.get("lost-always").verdict()).isEqualTo(Verdict.ERROR);
    assertThat(results.get("lost-always").attempts()).isEqualTo(3);
    assertThat(results.get("fails").verdict()).isEqualTo(Verdict.FAILED);
    assertThat(Files.readAllLines(folder.resolve("fails"))).hasSize(1);
    assertThat(Files.readString(folder.resolve("logs/lost-once.log")))
        .contains("attempt 1", "attempt 2");
  }

  /** An error is no verdict: the next run tries again, and leaves alone what has one. */
  @Test
  void theNextRunDoesWhatIsLeft() throws Exception {
    AtomicInteger made = new AtomicInteger();
    try (Berth flaky = Berth.builder().register(new Flaky(made, 1)).provider(Flaky.NAME).build();
        EvalFolder results = EvalFolder.open(folder, true)) {
      List<Task> one = List.of(task("a", Map.of("test_command", "false")));
      evaluation(flaky, results, 0).run(one);
      assertThat(results.result(one.get(0)).orElseThrow().verdict()).isEqualTo(Verdict.ERROR);
      evaluation(flaky, results, 0).run(one);
      assertThat(results.result(one.get(0)).orElseThrow().verdict()).isEqualTo(Verdict.FAILED);
      evaluation(flaky, results, 0).run(one);
    }
    assertThat(made).hasValue(2);
    assertThat(Files.readAllLines(folder.resolve("results.jsonl"))).hasSize(2);
  }

  @Test
  void whatCannotBeMadeIsTriedThreeTimes() throws Exception {
    AtomicInteger made = new AtomicInteger();
    List<Task> tasks =
        List.of(
            task("a", Map.of("test_command", "true")), task("b", Map.of("test_command", "true")));
    try (Berth flaky = Berth.builder().register(new Flaky(made, 3)).provider(Flaky.NAME).build();
        EvalFolder results = EvalFolder.open(folder, true)) {
      new Evaluation(flaky, results, 1, 2, new Hearing()).run(tasks);
      assertThat(results.result(tasks.get(0)).orElseThrow().verdict()).isEqualTo(Verdict.PASSED);
      assertThat(results.result(tasks.get(1)).orElseThrow().verdict()).isEqualTo(Verdict.PASSED);
    }
    assertThat(heard).containsExactly("a again", "b again", "a again", "b passed", "a passed");
  }

  @Test
  void patchesWithGitWithPatchAndWithNeither() throws Exception {
    String patch =
        """
        diff --git a/old b/sub/new
        similarity index 50%
        rename from old
        rename to sub/new
        --- a/old
        +++ b/sub/new
        @@ -1,2 +1,2 @@
         a
        -b
        +c
        diff --git a/gone b/gone
        deleted file mode 100644
        --- a/gone
        +++ /dev/null
        @@ -1 +0,0 @@
        -x
        diff --git a/run.sh b/run.sh
        new file mode 100755
        --- /dev/null
        +++ b/run.sh
        @@ -0,0 +1 @@
        +#!/bin/sh
        """;
    String test =
        "test \"$(cat sub/new)\" = \"$(printf 'a\\nc')\" && test -x run.sh && ! test -e gone && ! test -e old";
    String setup = "printf 'a\\nb\\n' > old; echo x > gone";
    Map<String, String> fields = Map.of("setup", setup, "patch", patch, "test_command", test);
    Path bin = Files.createDirectory(folder.resolve("bin"));
    for (String tool : List.of("sh", "cat", "head", "tee", "mkdir", "rm", "chmod", "printf")) {
      Files.createSymbolicLink(bin.resolve(tool), Path.of("/bin", tool));
    }
    Path other = Files.createDirectory(folder.resolve("other"));
    for (String tool : List.of("sh", "cat", "patch", "printf")) {
      Files.createSymbolicLink(other.resolve(tool), Path.of("/usr/bin", tool));
    }
    Map<String, Result> results =
        run(
            List.of(
                task("git", fields),
                task("patch", with(fields, "env", "{\"PATH\": \"" + other + "\"}")),
                task("berth", with(fields, "env", "{\"PATH\": \"" + bin + "\"}"))));
    results.forEach((id, result) -> {
      assertThat(result.verdict()).as("%s", result).isEqualTo(Verdict.PASSED);
      assertThat(result.patchedBy()).isEqualTo(id);
    });
  }

  @Test
  void namedTestsAreLookedUpInTheReport() throws Exception {
    String report = folder.resolve("r.xml").toString();
    String xml =
        "<testsuite><testcase classname=\"t\" name=\"a\">$1</testcase><testcase classname=\"t\" name=\"b\"/></testsuite>";
    Map<String, String> fields =
        Map.of(
            "files",
            "{}",
            "setup",
            "echo broken > state",
            "patch",
            "--- a/state\n+++ b/state\n@@ -1 +1 @@\n-broken\n+good\n",
            "test_command",
            "if grep -q broken state; then f='<failure/>'; fi; echo '"
                + xml.replace("$1", "'$f'")
                + "' > "
                + report,
            "test_report",
            report,
            "FAIL_TO_PASS",
            "[\"t.py::a\"]",
            "PASS_TO_PASS",
            "[\"t.py::b\"]");
    Task good = task("good", fields);
    Task absent = task("absent", with(fields, "PASS_TO_PASS", "[\"t.py::gone\"]"));
    Task vain = task("vain", with(fields, "FAIL_TO_PASS", "[\"t.py::b\"]"));
    Task none = task("none", with(with(fields, "test_command", "true"), "before", "skip"));
    Task endless =
        task(
            "endless",
            with(with(fields, "test_command", "ln -s /dev/zero " + report), "before", "skip"));
    // One after another: they share the report's path.
    Map<String, Result> results = new LinkedHashMap<>();
    for (Task task : List.of(good, absent, vain, none, endless)) {
      results.putAll(run(List.of(task)));
    }
    assertThat(results.get("good").verdict()).isEqualTo(Verdict.PASSED);
    failed(results.get("absent"), Phase.AFTER, "1 of 2 tests do not pass");
    failed(results.get("vain"), Phase.BEFORE, "1 of 1 tests pass without the patch");
    failed(results.get("none"), Phase.AFTER, "2 of 2 tests do not pass");
    failed(results.get("endless"), Phase.AFTER, "2 of 2 tests do not pass");
  }

  @Test
  void aFullDiskEndsTheRunAndSaysSo() throws Exception {
    try (Berth berth = local();
        EvalFolder results = EvalFolder.open(folder, true)) {
      Files.createSymbolicLink(results.logFile("a"), Path.of("/dev/full"));
      List<Task> tasks =
          List.of(
              task("a", Map.of("test_command", "true")), task("b", Map.of("test_command", "true")));
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> new Evaluation(berth, results, 1, 2, new Hearing()).run(tasks))
          .withMessageContaining("No space left on device");
      assertThat(results.result(tasks.get(1))).isEmpty();
      assertNothingLeft(berth);
    }
  }

  @Test
  void anInterruptEndsTheSandboxesAndKeepsWhatIsDone() throws Exception {
    Path started = folder.resolve("started");
    List<Task> tasks =
        List.of(
            task("quick", Map.of("test_command", "true")),
            task("long", Map.of("test_command", "touch " + started + "; sleep 60")));
    try (Berth berth = local();
        EvalFolder results = EvalFolder.open(folder, true)) {
      Thread runner =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  evaluation(berth, results, 2).run(tasks);
                } catch (InterruptedException e) {
                  heard.add("interrupted");
                } catch (IOException e) {
                  heard.add(e.toString());
                }
              });
      await().until(() -> Files.exists(started) && results.result(tasks.get(0)).isPresent());
      runner.interrupt();
      runner.join();
      assertThat(heard).last().isEqualTo("interrupted");
      assertThat(results.result(tasks.get(1))).isEmpty();
      assertNothingLeft(berth);
    }
  }

  private Map<String, Result> run(List<Task> tasks) throws Exception {
    Map<String, Result> found = new LinkedHashMap<>();
    try (Berth berth = local();
        EvalFolder results = EvalFolder.open(folder, true)) {
      evaluation(berth, results, 2).run(tasks);
      assertNothingLeft(berth);
      tasks.forEach(task -> found.put(task.id(), results.result(task).orElseThrow()));
    }
    return found;
  }

  private Evaluation evaluation(Berth berth, EvalFolder results, int retries) {
    return new Evaluation(berth, results, 2, retries, new Hearing());
  }

  private static Berth local() {
    return Berth.builder().provider(LocalProvider.NAME).build();
  }

  private static void failed(Result result, Phase phase, String why) {
    assertThat(result.verdict()).as("%s", result).isEqualTo(Verdict.FAILED);
    assertThat(result.phase()).as("%s", result).isEqualTo(phase);
    assertThat(result.reason()).contains(why);
  }

  private static Map<String, String> with(Map<String, String> fields, String key, String value) {
    Map<String, String> more = new LinkedHashMap<>(fields);
    more.put(key, value);
    return more;
  }

  private static Task task(String id, Map<String, String> fields) {
    return new Tasks(SandboxSpec.builder().build(), Duration.ofMinutes(1), true)
        .of(new BatchInstance(id, "", null, null, null, fields));
  }

  private final class Hearing implements Evaluation.Listener {
    @Override
    public void begins(Task task) {}

    @Override
    public void ends(Result result, boolean again) {
      heard.add(result.id() + " " + (again ? "again" : result.verdict().word()));
    }
  }

  /** Local sandboxes, of which the first few cannot be made. */
  private static final class Flaky implements ProviderFactory {
    static final String NAME = "flaky";
    private final AtomicInteger asked;
    private final int failures;

    Flaky(AtomicInteger asked, int failures) {
      this.asked = asked;
      this.failures = failures;
    }

    @Override
    public String name() {
      return NAME;
    }

    @Override
    public SandboxProvider create(ConfigSection config) {
      LocalProvider local = new LocalProvider();
      return new SandboxProvider() {
        @Override
        public String name() {
          return NAME;
        }

        @Override
        public Sandbox create(SandboxSpec spec) throws InterruptedException {
          if (asked.incrementAndGet() <= failures) {
            throw new CreateException(NAME, null, "Tried to make it, but no.", null);
          }
          return local.create(spec);
        }

        @Override
        public Sandbox connect(String descriptor) throws InterruptedException {
          return local.connect(descriptor);
        }

        @Override
        public List<SandboxSummary> list() {
          return local.list();
        }

        @Override
        public List<String> reap() throws InterruptedException {
          return local.reap();
        }

        @Override
        public void close() {
          local.close();
        }
      };
    }

    @Override
    public List<Finding> examine(ConfigSection config) {
      return List.of();
    }
  }
}
