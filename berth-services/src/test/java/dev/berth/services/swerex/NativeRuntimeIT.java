package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the native runtime does beyond the contract, in a real sandbox. */
@Timeout(60)
class NativeRuntimeIT {
  private static final Duration SHORT = Duration.ofMillis(300);

  private static Berth berth;
  private static Sandbox sandbox;
  private NativeRuntime runtime;

  @BeforeAll
  static void makeSandbox() throws Exception {
    berth = Berth.builder().provider("apptainer").build();
    sandbox = berth.create(SandboxSpec.of(System.getenv("BERTH_IMAGE")));
  }

  @AfterAll
  static void endSandbox() {
    berth.close();
  }

  @BeforeEach
  void open() throws Exception {
    runtime = new NativeRuntime(sandbox);
    runtime.createSession(
        new SessionRequest(SessionRequest.DEFAULT, List.of(), Duration.ofSeconds(20)));
  }

  @AfterEach
  void close() {
    runtime.close();
  }

  private Observation run(String command) throws InterruptedException {
    return runtime.runInSession(BashAction.of(command).within(Duration.ofSeconds(20)));
  }

  private static SwerexException failure(org.assertj.core.api.ThrowableAssert.ThrowingCallable c) {
    return catchThrowableOfType(SwerexException.class, c);
  }

  @Test
  void outputAndExitCode() throws Exception {
    assertThat(run("echo hi")).isEqualTo(new Observation("hi\n", 0, "", ""));
    assertThat(run("printf 'no newline'; (exit 3)"))
        .isEqualTo(new Observation("no newline", 3, "", ""));
    assertThat(run("echo $?").output()).isEqualTo("3\n");
    assertThat(run("true; echo $?").output()).isEqualTo("0\n");
    assertThat(run("printf 'a\\r\\nb\\n\\n  c  '").output()).isEqualTo("a\r\nb\n\n  c  ");
    assertThat(run("").exitCode()).isZero();
    assertThat(run("  # only a comment\n\n#two").output()).isEmpty();
  }

  @Test
  void stateLasts() throws Exception {
    run("cd /usr; X='a b'; f() { echo \"f:$1\"; }; alias hello='echo alias'; export Y=1");
    assertThat(run("pwd; echo \"$X\"; f 2; hello; sh -c 'echo $Y'").output())
        .isEqualTo("/usr\na b\nf:2\nalias\n1\n");
  }

  @Test
  void theMarksStayOutOfTheEnvironment() throws Exception {
    assertThat(run("env").output()).doesNotContain("PS1", "PROMPT_COMMAND", "\u001e");
    assertThat(run("set -o | grep -c 'history.*on'; echo \"[$HISTFILE]\"").output())
        .isEqualTo("0\n[]\n");
  }

  @Test
  void linesCommentsAndHereDocuments() throws Exception {
    assertThat(
            run("echo 1 # one\n# none\necho 2 \\\n  3\nfor i in a b; do\n echo $i\ndone").output())
        .isEqualTo("1\n2 3\na\nb\n");
    assertThat(run("cat <<'EOF'\n$x 'quoted' \"two\" `back` !history\nEOF\necho after").output())
        .isEqualTo("$x 'quoted' \"two\" `back` !history\nafter\n");
    assertThat(run("cat <<EOF\na\nEOF").output()).isEqualTo("a\n");
    assertThat(run("echo a \\\n").output()).isEqualTo("a\n");
    assertThat(run("echo a \\").output()).isEqualTo("a\n");
  }

  @Test
  void whatCannotBeParsedRunsNotEvenInPart() throws Exception {
    for (String wrong :
        List.of(
            "touch /tmp/w\nif",
            "touch /tmp/w; echo 'open",
            "touch /tmp/w )",
            "(touch /tmp/w",
            "touch /tmp/w; }",
            "cat <<E\nnever ended",
            "echo \"")) {
      SwerexException failure = failure(() -> run(wrong));
      assertThat(failure).as(wrong).isNotNull();
      assertThat(failure.failure()).as(wrong).isEqualTo(Failure.INCORRECT_SYNTAX);
      assertThat(run("ls /tmp/w").exitCode()).as(wrong).isNotZero();
    }
    assertThat(failure(() -> run("if")).getMessage()).contains("end of file");
    assertThat(failure(() -> run("a\0b")).failure()).isEqualTo(Failure.INCORRECT_SYNTAX);
    assertThat(run("echo fine").output()).isEqualTo("fine\n");
  }

  @Test
  void backgroundJobsHoldNothing() throws Exception {
    assertThat(run("sleep 100 & echo started").output()).endsWith("started\n");
    assertThat(run("kill %1; wait; echo gone").output()).contains("gone");
  }

  @Test
  void checks() throws Exception {
    assertThat(
            failure(() ->
                runtime.runInSession(
                    BashAction.of("echo why; exit_with() { return $1; }; exit_with 7")
                        .checking(Check.RAISE))))
        .satisfies(e -> assertThat(e.failure()).isEqualTo(Failure.NON_ZERO_EXIT_CODE))
        .satisfies(e -> assertThat(e.output()).isEqualTo("why\n"))
        .hasMessageContaining("7");
    assertThat(runtime.runInSession(BashAction.of("false").checking(Check.IGNORE)).exitCode())
        .isNull();
  }

  @Test
  void timeoutsGiveWhatThereWas() throws Exception {
    SwerexException late =
        failure(() -> runtime.runInSession(BashAction.of("echo part; sleep 50").within(SHORT)));
    assertThat(late.failure()).isEqualTo(Failure.COMMAND_TIMEOUT);
    assertThat(late.output()).isEqualTo("part\n");
    assertThat(
            failure(() -> runtime.runInSession(BashAction.of("echo next").within(SHORT))).failure())
        .isEqualTo(Failure.COMMAND_TIMEOUT);
    Observation interrupted = runtime.interrupt(BashInterrupt.of(SessionRequest.DEFAULT));
    assertThat(interrupted.output()).startsWith("part");
    assertThat(run("echo next").output()).isEqualTo("next\n");
  }

  @Test
  void aCommandThatEndsAfterItsTimeoutIsWaitedFor() throws Exception {
    failure(() -> runtime.runInSession(BashAction.of("sleep 1; X=late").within(SHORT)));
    assertThat(run("echo $X").output()).isEqualTo("late\n");
  }

  @Test
  void interrupts() throws Exception {
    BashInterrupt interrupt = BashInterrupt.of(SessionRequest.DEFAULT);
    assertThat(runtime.interrupt(interrupt)).isEqualTo(new Observation("", null, "", ""));
    for (String stubborn :
        List.of(
            "sleep 50; echo not reached",
            "while :; do :; done",
            "cat",
            "read x",
            "trap 'echo caught' INT; sleep 50; trap - INT",
            "python3 -c 'import signal,time; signal.signal(2, signal.SIG_IGN); time.sleep(50)'",
            "bash")) {
      failure(() -> runtime.runInSession(BashAction.of(stubborn).within(SHORT)));
      Observation observation = runtime.interrupt(interrupt);
      assertThat(observation.output()).as(stubborn).doesNotContain("not reached");
      assertThat(run("echo again").output()).as(stubborn).endsWith("again\n");
    }
  }

  @Test
  void anInterruptEndsTheCallThatWaits() throws Exception {
    var waiting = new java.util.concurrent.FutureTask<>(() -> run("echo on; sleep 50"));
    Thread.ofVirtual().start(waiting);
    org.awaitility.Awaitility.await().until(() -> sandbox.exec("pgrep -x sleep").ok());
    runtime.interrupt(BashInterrupt.of(SessionRequest.DEFAULT));
    Observation observation = waiting.get(10, java.util.concurrent.TimeUnit.SECONDS);
    assertThat(observation.exitCode()).isEqualTo(130);
    assertThat(observation.output()).startsWith("on\n");
  }

  @Test
  void interactivePrograms() throws Exception {
    Observation begun =
        runtime.runInSession(
            BashAction.of("python3 -q")
                .interactive()
                .expecting(">>> ")
                .within(Duration.ofSeconds(20)));
    assertThat(begun.expectString()).isEqualTo(">>> ");
    assertThat(failure(() -> run("echo no")).failure()).isEqualTo(Failure.OTHER);
    Observation answer =
        runtime.runInSession(
            BashAction.of("print(6 * 7)")
                .interactive()
                .expecting(">>> ")
                .within(Duration.ofSeconds(9)));
    assertThat(answer).isEqualTo(new Observation("42", null, "", ">>> "));
    assertThat(
            runtime
                .runInSession(
                    BashAction.of("raise SystemExit(4)").quitting().within(Duration.ofSeconds(9)))
                .exitCode())
        .isNull();
    assertThat(run("echo $?").output()).isEqualTo("4\n");
    assertThat(run("echo back").output()).isEqualTo("back\n");
  }

  @Test
  void expectedStrings() throws Exception {
    BashAction ask =
        BashAction.of("printf 'one two (ok) '; read x; echo \"got $x\"")
            .within(Duration.ofSeconds(9));
    Observation asked = runtime.runInSession(ask.expecting("(three)", "(ok) "));
    assertThat(asked).isEqualTo(new Observation("one two ", null, "", "(ok) "));
    assertThat(runtime.runInSession(BashAction.of("y").quitting().within(Duration.ofSeconds(9))))
        .isEqualTo(new Observation("got y", null, "", ""));
    assertThat(
            runtime
                .runInSession(
                    BashAction.of("echo a42b; cat").within(Duration.ofSeconds(9)).expecting("\\d+"))
                .output())
        .isEqualTo("a");
    runtime.interrupt(BashInterrupt.of(SessionRequest.DEFAULT));
    assertThat(failure(() -> runtime.runInSession(ask.expecting("(a+)+\\z"))).failure())
        .isIn(Failure.OTHER, Failure.COMMAND_TIMEOUT);
  }

  /** A shell that is hit while it starts a job may lose its terminal to that, and so its end. */
  @Test
  void anInterruptEndsNothingThatIsRunAfterIt() throws Exception {
    for (String command :
        List.of(
            "echo a42b; cat",
            "echo a42b; while :; do /bin/true; done",
            "echo a42b; while :; do (exit 1); done")) {
      for (int i = 0; i < 10; i++) {
        BashAction busy = BashAction.of(command).within(Duration.ofSeconds(9));
        assertThat(runtime.runInSession(busy.expecting("\\d+")).output()).isEqualTo("a");
        runtime.interrupt(BashInterrupt.of(SessionRequest.DEFAULT));
        Observation next = run("echo next");
        assertThat(next.exitCode()).as("round %d of %s", i, command).isZero();
        // A job that had to be killed may be told of before.
        assertThat(next.output()).endsWith("next\n");
      }
    }
  }

  @Test
  void aShellThatEnds() throws Exception {
    for (String end :
        List.of("echo last; exit 5", "set -e; sh -c 'exit 5'; echo not", "exec sh -c 'exit 5'")) {
      assertThat(run(end).exitCode()).as(end).isEqualTo(5);
      assertThat(failure(() -> run("echo")).failure()).isEqualTo(Failure.SESSION_NOT_INITIALIZED);
      runtime.closeSession(SessionRequest.DEFAULT);
      runtime.createSession(SessionRequest.of(SessionRequest.DEFAULT));
    }
    assertThat(run("kill -9 $$").failureReason()).isNotEmpty();
  }

  @Test
  void sessionsByName() throws Exception {
    assertThat(
            failure(() -> runtime.createSession(SessionRequest.of(SessionRequest.DEFAULT)))
                .failure())
        .isEqualTo(Failure.SESSION_EXISTS);
    assertThat(failure(() -> runtime.runInSession(BashAction.of("x").in("none"))).failure())
        .isEqualTo(Failure.SESSION_DOES_NOT_EXIST);
    assertThat(failure(() -> runtime.closeSession("none")).failure())
        .isEqualTo(Failure.SESSION_DOES_NOT_EXIST);
    runtime.createSession(SessionRequest.of("other"));
    run("X=1");
    assertThat(runtime.runInSession(BashAction.of("echo \"[$X]\"").in("other")).output())
        .isEqualTo("[]\n");
    run("sleep 987 &");
    runtime.closeSession(SessionRequest.DEFAULT);
    assertThat(sandbox.exec("pgrep -fx 'sleep 987'").ok()).isFalse();
  }

  @Test
  void sourcesAreRead() throws Exception {
    runtime.writeFile("/tmp/a b's.sh", "PS1='other $ '; Z=from-source; echo sourced\n");
    assertThat(
            runtime.createSession(
                new SessionRequest("s", List.of("/tmp/a b's.sh"), Duration.ofSeconds(20))))
        .isEqualTo("sourced\n");
    assertThat(runtime.runInSession(BashAction.of("echo $Z").in("s")).output())
        .isEqualTo("from-source\n");
    assertThat(
            failure(() ->
                    runtime.createSession(
                        new SessionRequest("t", List.of("/tmp/slow"), Duration.ofMillis(1))))
                .failure())
        .isEqualTo(Failure.COMMAND_TIMEOUT);
    assertThat(failure(() -> runtime.closeSession("t")).failure())
        .isEqualTo(Failure.SESSION_DOES_NOT_EXIST);
  }

  @Test
  void singleCommands() throws Exception {
    assertThat(runtime.execute(ExecuteRequest.of("printf", "%s", "a b")))
        .isEqualTo(new Execution("a b", "", 0));
    assertThat(runtime.execute(ExecuteRequest.ofShell("echo out; echo err >&2; exit 3")))
        .isEqualTo(new Execution("out\n", "err\n", 3));
    assertThat(runtime.execute(ExecuteRequest.ofShell("kill -9 $$")).exitCode()).isEqualTo(-9);
    assertThat(runtime.execute(ExecuteRequest.ofShell("exit 137")).exitCode()).isEqualTo(137);
    assertThat(runtime.execute(ExecuteRequest.of("printf", "\\377x")).stdout()).isEqualTo("\\xffx");
    assertThat(
            runtime.execute(
                new ExecuteRequest(
                    List.of(
                        "echo a; echo b >&2; echo c; pwd; env | grep -v -e ^PWD -e ^SHLVL -e ^_ | sort"),
                    true,
                    null,
                    true,
                    "",
                    Map.of("PATH", "/usr/bin:/bin", "K", "v"),
                    "/usr",
                    true)))
        .isEqualTo(new Execution("a\nb\nc\n/usr\nK=v\nPATH=/usr/bin:/bin\n", "", 0));
    assertThat(
            runtime.execute(
                new ExecuteRequest(
                    List.of("sh", "-c", "echo a; echo b >&2"),
                    false,
                    null,
                    true,
                    "",
                    null,
                    null,
                    true)))
        .isEqualTo(new Execution("a\nb\n", "", 0));
    assertThat(
            failure(() ->
                runtime.execute(
                    new ExecuteRequest(
                        List.of("echo part; sleep 50"),
                        true,
                        SHORT,
                        false,
                        "",
                        null,
                        null,
                        false))))
        .satisfies(e -> assertThat(e.failure()).isEqualTo(Failure.COMMAND_TIMEOUT))
        .satisfies(e -> assertThat(e.output()).isEqualTo("part\n"));
    assertThat(
            failure(() ->
                runtime.execute(
                    new ExecuteRequest(
                        List.of("false"), false, null, true, "mine", null, null, false))))
        .hasMessageStartingWith("mine: ")
        .satisfies(e -> assertThat(e.failure()).isEqualTo(Failure.NON_ZERO_EXIT_CODE));
    assertThat(failure(() -> runtime.execute(ExecuteRequest.of("no-such-program"))))
        .hasCauseInstanceOf(java.nio.file.NoSuchFileException.class);
  }

  @Test
  void files(@TempDir Path folder) throws Exception {
    runtime.writeFile("/tmp/deep/er/file", "größe\n\u0000");
    assertThat(runtime.readFile(ReadFile.of("/tmp/deep/er/file"))).isEqualTo("größe\n\u0000");
    assertThat(failure(() -> runtime.readFile(ReadFile.of("/tmp/none"))))
        .hasCauseInstanceOf(java.nio.file.NoSuchFileException.class);
    assertThat(failure(() -> runtime.readFile(ReadFile.of("/tmp"))).failure())
        .isEqualTo(Failure.FILE);
    assertThat(failure(() -> runtime.writeFile("/tmp/deep/er", "x")).failure())
        .isEqualTo(Failure.FILE);
    assertThat(failure(() -> runtime.writeFile("/proc/nope/x", "x")).failure())
        .isEqualTo(Failure.FILE);
    run("printf '\\377' >/tmp/latin; chmod 755 /tmp/deep/er/file");
    assertThat(failure(() -> runtime.readFile(ReadFile.of("/tmp/latin"))).failure())
        .isEqualTo(Failure.FILE);
    assertThat(runtime.readFile(new ReadFile("/tmp/latin", "latin-1", "strict"))).isEqualTo("ÿ");
    assertThat(runtime.readFile(new ReadFile("/tmp/latin", "UTF-8", "ignore"))).isEmpty();
    runtime.writeFile("/tmp/deep/er/file", "new");
    assertThat(run("stat -c %a /tmp/deep/er/file").output()).isEqualTo("755\n");
    assertThat(failure(() -> runtime.readFile(ReadFile.of("/dev/zero"))).failure())
        .isEqualTo(Failure.FILE);

    Path tree = Files.createDirectories(folder.resolve("tree/sub"));
    Files.writeString(tree.resolve("x"), "x");
    Files.setPosixFilePermissions(
        tree.resolve("x"), java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-x---"));
    runtime.upload(folder.resolve("tree"), "/tmp/up/there");
    runtime.upload(folder.resolve("tree"), "/tmp/up/there/");
    assertThat(run("cd /tmp/up; find . | sort; stat -c %a there/sub/x").output())
        .isEqualTo(".\n./there\n./there/sub\n./there/sub/x\n750\n");
    runtime.upload(tree.resolve("x"), "/tmp/up/named");
    assertThat(runtime.readFile(ReadFile.of("/tmp/up/named"))).isEqualTo("x");
    assertThat(failure(() -> runtime.upload(folder.resolve("none"), "/tmp/n")).failure())
        .isEqualTo(Failure.FILE);
  }
}
