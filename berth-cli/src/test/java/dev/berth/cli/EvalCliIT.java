package dev.berth.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code berth eval} as a process that is killed, interrupted and begun again. */
@Timeout(180)
class EvalCliIT {
  private Path home;
  private Path rows;
  private Path out;
  private Path ran;
  private Path gate;
  private Cli cli;

  @BeforeEach
  void make() throws IOException {
    // Short: a socket's path has room for 107 bytes.
    home = Files.createTempDirectory(Path.of("/tmp"), "be");
    rows = home.resolve("rows.jsonl");
    out = home.resolve("out");
    ran = Files.createFile(home.resolve("ran"));
    gate = home.resolve("gate");
    cli = new Cli(home, "local");
    Files.writeString(home.resolve("config.yaml"), "fast:\n  local:\n    lease_s: 2\n");
  }

  @AfterEach
  void remove() throws Exception {
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> {
          cli.run("gc");
          assertThat(cli.folders()).isEmpty();
        });
    new ProcessBuilder("rm", "-rf", home.toString()).start().waitFor();
  }

  @Test
  void goesOnAfterAKillAndRepeatsNothing() throws Exception {
    rows(6, 2);
    Cli.Running running = eval("--jobs", "2");
    await().until(() -> lines(results()).size() == 2 && lines(ran).size() == 4);
    running.signal("KILL");
    assertThat(running.end().code()).isEqualTo(137);
    // A kill within a write is rare: what it leaves is put there by hand.
    Files.writeString(results(), "{\"instance_id\":\"3\",\"verd", StandardOpenOption.APPEND);
    Files.createFile(gate);
    Cli.Result again = eval("--jobs", "2").end();
    assertThat(again.code()).as(again.stderr()).isZero();
    assertThat(again.stderr()).contains("2 of 6 were done before");
    assertThat(again.stdout()).contains("6 of 6 passed");
    assertThat(lines(results())).hasSize(6).doesNotHaveDuplicates();
    assertThat(count("1")).isEqualTo(1);
    assertThat(count("2")).isEqualTo(1);
    assertThat(count("3")).isEqualTo(2);
    assertThat(count("4")).isEqualTo(2);
    assertThat(count("5")).isEqualTo(1);
    assertThat(Files.readString(out.resolve("report.html"))).contains("6 passed");
  }

  @Test
  void anInterruptEndsTheSandboxesAndKeepsTheResults() throws Exception {
    rows(4, 2);
    Cli.Running running = eval("--jobs", "2");
    await().until(() -> lines(results()).size() == 2 && lines(ran).size() == 4);
    running.signal("INT");
    Cli.Result stopped = running.end();
    assertThat(stopped.code()).isEqualTo(130);
    assertThat(stopped.stderr()).contains("goes on where it was");
    assertThat(cli.folders()).isEmpty();
    Files.createFile(gate);
    assertThat(eval().end().code()).isZero();
    assertThat(count("1")).isEqualTo(1);
    assertThat(lines(results())).hasSize(4);
  }

  @Test
  void twoAtOnceOnOneFolderAreTold() throws Exception {
    rows(2, 0);
    Cli.Running first = eval();
    await().until(() -> lines(ran).size() == 2);
    Cli.Result second = eval().end();
    assertThat(second.code()).isEqualTo(2);
    assertThat(second.stderr()).contains("another evaluation");
    Files.createFile(gate);
    assertThat(first.end().code()).isZero();
    assertThat(lines(ran)).hasSize(2);
  }

  @Test
  void theExitCodeSaysWhatCameOfIt() throws Exception {
    row("good", "true");
    assertThat(eval().end().code()).isZero();
    row("bad", "false");
    Cli.Result failed = eval("--json").end();
    assertThat(failed.code()).isEqualTo(1);
    assertThat(failed.stdout())
        .contains("\"instances\":2", "\"passed\":1", "\"failed\":1", "\"instance_id\":\"bad\"");
    row("lost", "kill -9 $PPID; sleep 60");
    Cli.Result lost = eval("--retries", "0").end();
    assertThat(lost.code()).isEqualTo(125);
    assertThat(lost.stdout()).contains("1 of 3 passed, 1 failed, 1 error");
    assertThat(eval("--filter", "g").end().code()).isZero();
    assertThat(eval("--slice", "-2:-1").end().code()).isEqualTo(1);
  }

  @Test
  void wrongUsageIsRefusedBeforeAnythingStarts() throws Exception {
    row("1", "touch " + ran + ".no");
    List<List<String>> wrong =
        List.of(
            List.of("--jobs", "0"),
            List.of("--retries", "99"),
            List.of("--slice", "a:b"),
            List.of("--filter", "("),
            List.of("--filter", "nothing"),
            List.of("--timeout", "soon"),
            List.of("--no-such-option"));
    for (List<String> words : wrong) {
      Cli.Result refused = eval(words.toArray(new String[0])).end();
      assertThat(refused.code()).as("%s: %s", words, refused.stderr()).isEqualTo(2);
      assertThat(refused.stderr()).startsWith("berth: ");
    }
    Files.writeString(rows, "{\"id\": \"2\"}\n");
    assertThat(eval().end().stderr()).contains("test_command of the instance '2'");
    assertThat(out).doesNotExist();
  }

  /** Its memory does not grow with what they print, nor with their number. */
  @Test
  @Tag("soak")
  void twoHundredFitIntoASmallHeap() throws Exception {
    for (int i = 0; i < 200; i++) {
      row(Integer.toString(i), "head -c 5000000 /dev/zero");
    }
    Cli.Result result =
        cli.shell(
            "JDK_JAVA_OPTIONS=-Xmx64m $BERTH eval --provider local -j 16 -o " + out + " " + rows);
    assertThat(result.code()).as(result.stderr()).isZero();
    assertThat(result.stdout()).contains("200 of 200 passed");
    assertThat(lines(results())).hasSize(200);
  }

  /** A folder with no room, really: a small file system of this test's own. */
  @Test
  void aFullDiskEndsItAndTheNextRunGoesOn() throws Exception {
    for (int i = 0; i < 40; i++) {
      row(Integer.toString(i), "head -c 3000 /dev/zero");
    }
    String line =
        String.join(
            " ",
            "mkdir $0/m && mount -t tmpfs -o size=1m tmpfs $0/m || exit 99;",
            "head -c 950k /dev/zero > $0/m/filler;",
            "$BERTH eval --provider local -j 2 -o $0/m/out $1; echo first $?;",
            "rm $0/m/filler;",
            "$BERTH eval --provider local -j 2 -o $0/m/out $1; echo second $?");
    Cli.Result result = cli.shell("unshare -Urm sh -c \"$LINE\" " + home + " " + rows, line);
    assertThat(result.stdout()).as(result.stderr()).contains("first 125", "second 0");
    assertThat(result.stdout()).contains("40 of 40 passed");
    assertThat(result.stderr()).contains("No space left on device").contains("were done before");
  }

  private void rows(int count, int quick) throws IOException {
    for (int i = 1; i <= count; i++) {
      String wait = i <= quick ? "" : "; while ! test -e " + gate + "; do sleep 0.1; done";
      row(Integer.toString(i), "echo " + i + " >> " + ran + wait);
    }
  }

  private void row(String id, String command) throws IOException {
    Files.writeString(
        rows,
        String.format(
            Locale.ROOT,
            "{\"id\": \"%s\", \"test_command\": \"%s\", \"timeout\": 60}%n",
            id,
            command),
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  private Cli.Running eval(String... more) {
    List<String> words = new ArrayList<>(List.of("eval", rows.toString(), "-o", out.toString()));
    words.addAll(List.of("--config", home.resolve("config.yaml").toString()));
    words.addAll(List.of(more));
    return cli.start(words.toArray(new String[0]));
  }

  private Path results() {
    return out.resolve("results.jsonl");
  }

  private long count(String id) throws IOException {
    return lines(ran).stream().filter(id::equals).count();
  }

  private static List<String> lines(Path file) throws IOException {
    return Files.exists(file) ? Files.readAllLines(file) : List.of();
  }
}
