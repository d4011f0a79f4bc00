package dev.berth.services.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.OutputSink;
import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import dev.berth.services.swerex.BatchInstance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalFolderTest {
  @TempDir private Path folder;

  @Test
  void keepsResultsForTheNextRun() throws IOException {
    Result result = result(task("a", "true"), Verdict.FAILED);
    try (EvalFolder first = EvalFolder.open(folder, true)) {
      first.append(result);
    }
    try (EvalFolder next = EvalFolder.open(folder, true)) {
      assertThat(next.result(task("a", "true"))).contains(result);
      assertThat(next.result(task("a", "false"))).as("its row is another now").isEmpty();
      assertThat(next.result(task("b", "true"))).isEmpty();
    }
    try (EvalFolder anew = EvalFolder.open(folder, false)) {
      assertThat(anew.result(task("a", "true"))).isEmpty();
    }
  }

  /** Whatever part of the last line a kill has left, the others stand. */
  @Test
  void aTornLineIsTakenAwayAtEveryLength() throws IOException {
    Task a = task("a", "true");
    Task b = task("b", "true");
    try (EvalFolder first = EvalFolder.open(folder, true)) {
      first.append(result(a, Verdict.PASSED));
      first.append(result(b, Verdict.PASSED));
    }
    Path file = folder.resolve("results.jsonl");
    byte[] whole = Files.readAllBytes(file);
    int second = new String(whole, StandardCharsets.UTF_8).indexOf('\n') + 1;
    for (int length = second; length < whole.length; length++) {
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      try (EvalFolder next = EvalFolder.open(folder, true)) {
        assertThat(next.result(a)).isPresent();
        assertThat(next.result(b)).isEmpty();
        next.append(result(b, Verdict.PASSED));
      }
      assertThat(Files.readAllBytes(file)).hasSameSizeAs(whole);
    }
  }

  @Test
  void whatIsNoResultIsNotGuessedAt() throws IOException {
    for (String line :
        List.of("hello", "{}", "[1]", "{\"instance_id\":\"a\",\"verdict\":\"great\"}")) {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("results.jsonl"), line + "\n");
      assertThatExceptionOfType(RequestException.class)
          .as(line)
          .isThrownBy(() -> EvalFolder.open(folder, true))
          .withMessageContaining("line 1 is no result");
    }
  }

  @Test
  void aFolderOfSomebodyElseIsNotCleared() throws IOException {
    Files.createDirectories(folder.resolve("logs"));
    Path theirs = Files.writeString(folder.resolve("results.jsonl"), "theirs\n");
    Path log = Files.writeString(folder.resolve("logs/their.log"), "theirs");
    for (boolean resume : new boolean[] {false, true, false}) {
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> EvalFolder.open(folder, resume));
    }
    assertThat(theirs).content().isEqualTo("theirs\n");
    assertThat(log).exists();
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> EvalFolder.open(log, true))
        .withMessageStartingWith("Tried to make the folder");
  }

  @Test
  void oneRunAtATime() throws IOException {
    try (EvalFolder first = EvalFolder.open(folder, true)) {
      assertThat(first.resultsFile()).exists();
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> EvalFolder.open(folder, false))
          .withMessageContaining("another evaluation");
    }
    EvalFolder.open(folder, true).close();
  }

  @Test
  void logsAreBoundedAndKeepBothEnds() throws IOException {
    Task task = task("a", "true");
    try (EvalFolder open = EvalFolder.open(folder, true)) {
      try (InstanceLog log = open.log(task, false)) {
        log.say("begin");
        for (int i = 0; i < 400_000; i++) {
          byte[] line = (i + " some line of output\n").getBytes(StandardCharsets.UTF_8);
          log.accept(OutputSink.Channel.STDOUT, ByteBuffer.wrap(line));
        }
        log.endOutput();
        log.say("end");
      }
      assertThat(Files.size(open.logFile("a"))).isBetween(1L << 20, (1L << 20) + (70 << 10));
      String text = Files.readString(open.logFile("a"));
      assertThat(text).startsWith("== begin\n0 some line").contains("bytes are left out here");
      assertThat(text)
          .endsWith("399998 some line of output\n399999 some line of output\n\n== end\n");
      assertThat(open.tail("a", 40)).hasSize(41).startsWith("…").endsWith("== end\n");
    }
  }

  @Test
  void aFullDiskUnderALogSaysSo() throws IOException {
    try (EvalFolder open = EvalFolder.open(folder, true)) {
      Files.createSymbolicLink(open.logFile("a"), Path.of("/dev/full"));
      try (InstanceLog log = open.log(task("a", "true"), false)) {
        assertThatExceptionOfType(UncheckedIOException.class)
            .isThrownBy(() -> log.say("x"))
            .withMessageContaining("No space left on device")
            .withMessageContaining("a.log");
      }
    }
  }

  @Test
  void thePageEscapesAllThatComesFromSandboxes() throws IOException {
    String evil =
        "</pre><script>alert('x')</script><img src=x onerror=\"y\">\u001b[31m\u202e&amp;\u0000";
    Task task = task("<b>&'\"id", "true");
    try (EvalFolder open = EvalFolder.open(folder, true)) {
      try (InstanceLog log = open.log(task, false)) {
        byte[] bytes = evil.getBytes(StandardCharsets.UTF_8);
        log.accept(OutputSink.Channel.STDERR, ByteBuffer.wrap(bytes));
        log.endOutput();
      }
      Result bad = result(task, Verdict.FAILED);
      open.append(
          new Result(
              bad.id(),
              bad.verdict(),
              bad.phase(),
              evil,
              1,
              bad.started(),
              bad.took(),
              bad.exitCodes(),
              evil,
              bad.cpu(),
              1,
              bad.digest()));
      String page = Files.readString(open.writeReport("<t>" + evil, List.of(task)));
      assertThat(page).containsOnlyOnce("<script>").containsOnlyOnce("</script>");
      assertThat(page).containsOnlyOnce("</pre>").doesNotContain("<img", "<b>", "<t>");
      assertThat(page).doesNotContain("\u001b", "\u202e", "\u0000");
      assertThat(page).contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
      assertThat(page).contains("&lt;b&gt;&amp;&#39;&quot;id");
      assertThat(page).contains("default-src 'none'").doesNotContain("http:", "https:", "url(");
    }
  }

  private static Task task(String id, String command) {
    return new Tasks(SandboxSpec.of("i"), Duration.ofMinutes(1), true)
        .of(new BatchInstance(id, "", null, null, null, Map.of("test_command", command)));
  }

  private static Result result(Task task, Verdict verdict) {
    return new Result(
        task.id(),
        verdict,
        Phase.AFTER,
        "why",
        2,
        Instant.parse("2026-11-21T10:00:00Z"),
        Map.of(Phase.CREATE, Duration.ofMillis(120), Phase.AFTER, Duration.ofMillis(1500)),
        Map.of(Phase.BEFORE, 1, Phase.AFTER, 0),
        "git",
        Duration.ofMillis(30),
        1L << 33,
        task.digest());
  }
}
