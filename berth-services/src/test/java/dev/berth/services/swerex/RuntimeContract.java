package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every {@link Runtime} does, whatever is behind it. The image has bash, coreutils and {@code
 * python3}.
 */
@Timeout(120)
abstract class RuntimeContract {
  private static final AtomicInteger COUNT = new AtomicInteger();
  private static final Duration SOON = Duration.ofSeconds(15);

  @TempDir Path host;
  private final String session = "s" + COUNT.incrementAndGet();
  private final String folder = "/tmp/contract-" + COUNT.incrementAndGet();
  private boolean opened;

  /** The runtime, the same for all tests of the class. */
  abstract Runtime runtime();

  /** What it is known to do otherwise. */
  Set<KnownDeviation> deviations() {
    return Set.of();
  }

  private boolean deviates(KnownDeviation deviation) {
    return deviations().contains(deviation);
  }

  @AfterEach
  void end() throws Exception {
    if (!opened) {
      return;
    }
    try {
      runtime().closeSession(session);
    } catch (SwerexException e) {
      assertThat(e.failure()).isEqualTo(Failure.SESSION_DOES_NOT_EXIST);
    }
  }

  /** An action in this test's session, which is opened when it is first needed. */
  private BashAction action(String command) throws Exception {
    if (!opened) {
      opened = true;
      runtime().createSession(new SessionRequest(session, List.of(), SOON));
    }
    return BashAction.of(command).in(session).within(SOON);
  }

  private Observation run(String command) throws Exception {
    return runtime().runInSession(action(command));
  }

  private String output(String command) throws Exception {
    return run(command).output();
  }

  private void assertRuns(String command, String output, int exitCode) throws Exception {
    Observation seen = run(command);
    assertThat(seen.output()).isEqualTo(output);
    assertThat(seen.exitCode()).isEqualTo(exitCode);
    assertThat(seen.failureReason()).isEmpty();
    assertThat(seen.expectString()).isEmpty();
  }

  private static SwerexException fails(Failure failure, ThrowingCallable call) {
    SwerexException e = catchThrowableOfType(SwerexException.class, call);
    assertThat(e).as("a failure of the kind " + failure).isNotNull();
    assertThat(e.failure()).as(e.getMessage()).isEqualTo(failure);
    return e;
  }

  @Test
  void isAlive() throws Exception {
    assertThat(runtime().isAlive().alive()).isTrue();
  }

  // Commands in a session

  @Test
  void runsACommand() throws Exception {
    assertRuns("echo hi", "hi\n", 0);
  }

  @Test
  void givesStandardErrorInOrder() throws Exception {
    assertRuns("echo out; echo err >&2; echo out2", "out\nerr\nout2\n", 0);
  }

  @Test
  void givesOutputWithoutALineEnd() throws Exception {
    assertRuns("printf 'no end'", "no end", 0);
  }

  @ParameterizedTest
  @CsvSource({"false,1", "(exit 7),7", "sh -c 'kill -9 $$' 2>/dev/null,137", "! true,1"})
  void givesTheExitCode(String command, int code) throws Exception {
    assertThat(run(command).exitCode()).isEqualTo(code);
  }

  @Test
  void saysOfAnUnknownCommand() throws Exception {
    Observation seen = run("no_such_command_here");
    assertThat(seen.exitCode()).isEqualTo(127);
    assertThat(seen.output()).contains("no_such_command_here");
  }

  @Test
  void checksTheExitCodeAsAsked() throws Exception {
    assertThat(runtime().runInSession(action("true").checking(Check.RAISE)).exitCode()).isZero();
    assertThat(runtime().runInSession(action("false").checking(Check.SILENT)).exitCode())
        .isEqualTo(1);
    assertThat(runtime().runInSession(action("false").checking(Check.IGNORE)).exitCode()).isNull();
    SwerexException e =
        fails(
            Failure.NON_ZERO_EXIT_CODE,
            () ->
                runtime()
                    .runInSession(
                        new BashAction(
                            "echo why; (exit 3)",
                            session,
                            SOON,
                            false,
                            false,
                            Check.RAISE,
                            "It went wrong",
                            List.of())));
    assertThat(e).hasMessageContaining("It went wrong").hasMessageContaining("3");
    assertThat(e.output()).isEqualTo("why\n");
  }

  @Test
  void keepsDirectoryVariablesFunctionsAndAliases() throws Exception {
    run("cd /tmp; export A='a b'; B=c; f() { echo \"f$1\"; }; alias g='echo g'; set -- x y");
    assertRuns("pwd; echo \"$A$B$2\"; f 1", "/tmp\na bcy\nf1\n", 0);
    assertRuns("sh -c 'echo $A$B'", "a b\n", 0);
    assertRuns("g", "g\n", 0);
  }

  @Test
  void definesFunctionsOverManyLines() throws Exception {
    assertRuns("f() {\n  local x=$1\n  echo \"<$x>\"\n}\nf 2", "<2>\n", 0);
    assertRuns("f 3", "<3>\n", 0);
  }

  @Test
  void runsManyLines() throws Exception {
    assertRuns("echo a\necho b\nfalse", "a\nb\n", 1);
    assertRuns("echo a \\\n  b", "a b\n", 0);
    assertRuns("for i in 1 2; do\n  echo $i\ndone\nif true\nthen echo t; fi", "1\n2\nt\n", 0);
    assertRuns("echo 'two\nlines'", "two\nlines\n", 0);
    assertRuns("echo a &&\necho b", "a\nb\n", 0);
  }

  @Test
  void runsConstructsOfBash() throws Exception {
    assertRuns(
        "x=(1 2 3); [[ a == a ]] && echo ${x[@]} $((1+2)) `echo bt` $(echo sub) {p,q}1",
        "1 2 3 3 bt sub p1 q1\n",
        0);
    assertRuns("case a in a) echo A;; esac; cat <<<word; diff <(echo 1) <(echo 1)", "A\nword\n", 0);
    assertRuns("while read -r l; do echo \"<$l>\"; done < <(printf '1\\n2\\n')", "<1>\n<2>\n", 0);
  }

  @Test
  void takesHereDocuments() throws Exception {
    run("A=1");
    assertRuns("cat <<EOF\na $A\nb\nEOF", "a 1\nb\n", 0);
    assertRuns("cat <<'EOF'\na $A\nEOF\necho after", "a $A\nafter\n", 0);
    assertRuns("cat > " + folder + "-h <<'EOF'\n#!/bin/sh\n\n  \"x\" \\\nEOF\nwc -l < " + folder + "-h", "3\n", 0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "   ", "\n", "# only a comment", "# a\n# b\n"})
  void takesWhatIsNoCommand(String nothing) throws Exception {
    assertRuns(nothing, "", 0);
  }

  @Test
  void leavesCommentsOut() throws Exception {
    assertRuns("# first\n\necho x # last\n# end", "x\n", 0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"echo \"", "if true", "echo a; )", "for", "a() {"})
  void refusesWhatIsNoShell(String wrong) throws Exception {
    fails(Failure.INCORRECT_SYNTAX, () -> run("echo ran\n" + wrong));
    assertRuns("echo still", "still\n", 0);
  }

  @Test
  void keepsCharacters() throws Exception {
    assertRuns("echo 'äöü €uro 😀 漢字'", "äöü €uro 😀 漢字\n", 0);
    assertRuns("echo 'it'\"'\"'s' \\\"q\\\" '\\\\' '$A `x` * ? ~ #' '%s'", "it's \"q\" \\\\ $A `x` * ? ~ # %s\n", 0);
    assertRuns("printf 'a\\tb\\n'", "a\tb\n", 0);
    assertRuns("printf '\\033[31mred\\033[0m\\n'", "red\n", 0);
    assertRuns("printf '\\377\\n'", "\\xff\n", 0);
  }

  @Test
  void keepsTabsInCommands() throws Exception {
    Observation seen = run("printf %s 'a\tb'");
    assertThat(seen.output()).isEqualTo(deviates(KnownDeviation.EATS_TABS) ? "ab" : "a\tb");
  }

  @Test
  void keepsExclamationMarks() throws Exception {
    Observation seen = run("echo \"a !x\"");
    if (deviates(KnownDeviation.EXPANDS_HISTORY)) {
      assertThat(seen.output()).isNotEqualTo("a !x\n");
    } else {
      assertThat(seen.output()).isEqualTo("a !x\n");
    }
  }

  @Test
  void takesLinesThatEndInAnOperator() throws Exception {
    Observation background = run("true &\necho a");
    Observation semicolon = run("echo a;\necho b");
    if (deviates(KnownDeviation.JOINS_LINES_WRONGLY)) {
      assertThat(background.exitCode()).isEqualTo(2);
      assertThat(semicolon.output()).contains("syntax error");
    } else {
      assertThat(background.output()).endsWith("a\n");
      assertThat(semicolon.output()).isEqualTo("a\nb\n");
    }
  }

  @Test
  void takesTheHereDocumentOfALoop() throws Exception {
    BashAction action =
        action("while read -r l; do echo \"<$l>\"; done <<EOF\n1\nEOF\necho end")
            .within(Duration.ofSeconds(2));
    if (deviates(KnownDeviation.LOSES_THE_HERE_DOCUMENT_OF_A_LOOP)) {
      fails(Failure.COMMAND_TIMEOUT, () -> runtime().runInSession(action));
    } else {
      assertThat(runtime().runInSession(action).output()).isEqualTo("<1>\nend\n");
    }
  }

  @Test
  void takesNoOutputForItsOwn() throws Exception {
    String own = "SHELLPS1PREFIX UNIQUESTRING29234 EXITCODESTART5EXITCODEEND";
    Observation seen = run("echo 'a " + own + " b'; (exit 4)");
    if (deviates(KnownDeviation.TAKES_OUTPUT_FOR_THE_PROMPT)) {
      assertThat(seen.output()).doesNotContain("SHELLPS1PREFIX");
    } else {
      assertThat(seen.output()).isEqualTo("a " + own + " b\n");
      assertThat(seen.exitCode()).isEqualTo(4);
    }
  }

  @Test
  void remembersTheLastExitCode() throws Exception {
    run("(exit 5)");
    assertThat(output("echo $?"))
        .isEqualTo(deviates(KnownDeviation.FORGETS_THE_LAST_EXIT_CODE) ? "0\n" : "5\n");
  }

  @Test
  void givesMuchOutput() throws Exception {
    Observation seen =
        runtime().runInSession(action("seq 1 100000").within(Duration.ofSeconds(60)));
    assertThat(seen.output()).hasSize(588895).startsWith("1\n2\n").endsWith("\n100000\n");
    assertThat(seen.exitCode()).isZero();
    assertThat(output("echo x | cat; head -c 200000 /dev/zero | tr '\\0' y")).hasSize(200002);
  }

  @Test
  void takesLongCommands() throws Exception {
    assertRuns("echo " + "x".repeat(20_000) + " | wc -c", "20001\n", 0);
    assertRuns("cat <<'EOF' | wc -c\n" + "y".repeat(10_000) + "\nEOF", "10001\n", 0);
    StringBuilder lines = new StringBuilder("cat <<'EOF' | wc -l\n");
    for (int i = 0; i < 500; i++) {
      lines.append("line ").append(i).append('\n');
    }
    assertRuns(lines + "EOF", "500\n", 0);
  }

  @Test
  void runsBackgroundJobs() throws Exception {
    assertThat(output("sleep 0.3 & echo started")).endsWith("started\n");
    assertThat(run("wait; echo done").output()).contains("done");
    run("nohup sleep 60 >/dev/null 2>&1 & p=$!");
    assertRuns("kill $p; wait $p 2>/dev/null; echo $?", "143\n", 0);
  }

  // Time

  @Test
  void endsWaitingAtTheTimeout() throws Exception {
    SwerexException e =
        fails(
            Failure.COMMAND_TIMEOUT,
            () ->
                runtime()
                    .runInSession(action("echo part; sleep 60").within(Duration.ofSeconds(1))));
    assertThat(e.output())
        .isEqualTo(deviates(KnownDeviation.LOSES_PARTIAL_OUTPUT) ? "" : "part\n");
    Observation seen = runtime().interrupt(BashInterrupt.of(session));
    assertThat(seen.exitCode()).isNull();
    assertRuns("echo back", "back\n", 0);
  }

  @Test
  void interruptsWhatIgnoresInterrupts() throws Exception {
    fails(
        Failure.COMMAND_TIMEOUT,
        () ->
            runtime()
                .runInSession(
                    action("trap '' INT; sleep 60").within(Duration.ofSeconds(1))));
    runtime().interrupt(BashInterrupt.of(session));
    assertThat(output("trap - INT; echo back")).contains("back");
  }

  @Test
  void interruptsWhileTheCommandIsWaitedFor() throws Exception {
    boolean oneAtATime = deviates(KnownDeviation.ANSWERS_ONE_CALL_AT_A_TIME);
    BashAction slow = action("touch " + folder + "-t; sleep 4").within(Duration.ofSeconds(20));
    var waiter =
        new Object() {
          volatile Object outcome = "";
        };
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    waiter.outcome = runtime().runInSession(slow);
                  } catch (SwerexException | InterruptedException e) {
                    waiter.outcome = e;
                  }
                });
    if (!oneAtATime) {
      Awaitility.await()
          .atMost(SOON)
          .until(
              () ->
                  runtime().execute(ExecuteRequest.of("test", "-e", folder + "-t")).exitCode()
                      == Integer.valueOf(0));
      assertThat(runtime().isAlive().alive()).isTrue();
      runtime().interrupt(BashInterrupt.of(session));
      thread.join(SOON);
      assertThat(waiter.outcome).isInstanceOf(Observation.class);
      assertThat(((Observation) waiter.outcome).exitCode()).isEqualTo(130);
    } else {
      long from = System.nanoTime();
      Awaitility.await()
          .atMost(Duration.ofSeconds(4))
          .pollInterval(Duration.ofMillis(100))
          .until(() -> !thread.isAlive() || System.nanoTime() - from > 500_000_000L);
      runtime().isAlive();
      // It was answered only when the command had ended.
      thread.join(SOON);
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isGreaterThan(Duration.ofSeconds(3));
      assertThat(((Observation) waiter.outcome).exitCode()).isZero();
    }
    assertRuns("echo back", "back\n", 0);
  }

  // Programs that read

  @Test
  void drivesAnInteractiveProgram() throws Exception {
    Observation seen = runtime().runInSession(action("python3 -q").interactive().expecting(">>> "));
    assertThat(seen.expectString()).isEqualTo(">>> ");
    assertThat(seen.exitCode()).isNull();
    seen = runtime().runInSession(action("6 * 7").interactive().expecting(">>> "));
    assertThat(seen.output().strip()).isEqualTo("42");
    fails(
        Failure.COMMAND_TIMEOUT,
        () ->
            runtime()
                .runInSession(
                    action("import time; time.sleep(60)")
                        .interactive()
                        .expecting(">>> ")
                        .within(Duration.ofSeconds(1))));
    seen =
        runtime()
            .interrupt(
                new BashInterrupt(
                    session, Duration.ofMillis(500), 3, List.of(">>> ")));
    assertThat(seen.output()).contains("KeyboardInterrupt");
    assertThat(seen.expectString()).isEqualTo(">>> ");
    seen = runtime().runInSession(action("exit()").quitting());
    assertThat(seen.expectString()).isEmpty();
    assertRuns("echo after", "after\n", 0);
  }

  @Test
  void endsAtAnExpectedString() throws Exception {
    Observation seen =
        runtime()
            .runInSession(
                action("read -p 'your name? ' n; echo \"hello $n\"")
                    .checking(Check.IGNORE)
                    .expecting("not this", "name\\? "));
    assertThat(seen.expectString()).isEqualTo("name\\? ");
    assertThat(seen.output()).isEqualTo("your ");
    assertThat(seen.exitCode()).isNull();
    assertThat(output("bob")).contains("hello bob\n");
    assertRuns("echo $n", "bob\n", 0);
  }

  @Test
  void expectsRegularExpressions() throws Exception {
    Observation seen =
        runtime()
            .runInSession(
                action("echo 'v1 v22'; cat").checking(Check.IGNORE).expecting("v[0-9]{2}", "v$"));
    assertThat(seen.expectString()).isEqualTo("v[0-9]{2}");
    assertThat(seen.output()).isEqualTo("v1 ");
    runtime().interrupt(BashInterrupt.of(session));
    assertThat(
            runtime().runInSession(action("echo none").expecting("not there")).expectString())
        .isEmpty();
  }

  @Test
  void typesNothingIntoTheProgram() throws Exception {
    Observation seen =
        runtime()
            .runInSession(
                action("read -p 'name> ' n").checking(Check.SILENT).expecting("name> "));
    assertThat(seen.exitCode()).isNull();
    if (deviates(KnownDeviation.TYPES_INTO_THE_PROGRAM)) {
      assertThat(output("echo \"<$n>\"")).doesNotContain("bob");
    } else {
      run("bob");
      assertRuns("echo $n", "bob\n", 0);
    }
  }

  // Sessions

  @Test
  void sessionsAreApart() throws Exception {
    String other = session + "-other";
    runtime().createSession(new SessionRequest(other, List.of(), SOON));
    run("A=1; cd /tmp");
    assertThat(runtime().runInSession(action("echo \"<$A>\"; cd /usr").in(other)).output())
        .isEqualTo("<>\n");
    assertRuns("pwd", "/tmp\n", 0);
    runtime().closeSession(other);
    fails(
        Failure.SESSION_DOES_NOT_EXIST, () -> runtime().runInSession(action("echo").in(other)));
    assertRuns("pwd", "/tmp\n", 0);
  }

  @Test
  void aNameIsTakenOnce() throws Exception {
    run("A=1");
    fails(
        Failure.SESSION_EXISTS, () -> runtime().createSession(SessionRequest.of(session)));
    assertRuns("echo $A", "1\n", 0);
  }

  @Test
  void aSessionCanBeMadeAgain() throws Exception {
    run("A=1");
    runtime().closeSession(session);
    runtime().createSession(new SessionRequest(session, List.of(), SOON));
    assertRuns("echo \"<$A>\"", "<>\n", 0);
  }

  @Test
  void anUnknownSessionIsRefused() {
    fails(Failure.SESSION_DOES_NOT_EXIST, () -> runtime().closeSession("none"));
    fails(
        Failure.SESSION_DOES_NOT_EXIST, () -> runtime().interrupt(BashInterrupt.of("none")));
    fails(
        Failure.SESSION_DOES_NOT_EXIST, () -> runtime().runInSession(action("true").in("none")));
  }

  @Test
  void aSessionEndsWithItsShell() throws Exception {
    fails(Failure.SESSION_NOT_INITIALIZED, () -> run("exit 3"));
    fails(Failure.SESSION_NOT_INITIALIZED, () -> run("echo still"));
    runtime().closeSession(session);
    runtime().createSession(new SessionRequest(session, List.of(), SOON));
    assertRuns("echo new", "new\n", 0);
  }

  @Test
  void closingASessionEndsItsPrograms() throws Exception {
    fails(
        Failure.COMMAND_TIMEOUT,
        () -> runtime().runInSession(action("sleep 98765").within(Duration.ofMillis(500))));
    runtime().closeSession(session);
    Awaitility.await().atMost(SOON).until(() -> !runs("[s]leep 98765"));
  }

  @Test
  void sourcesFilesAtTheStart() throws Exception {
    runtime().writeFile(folder + "/rc", "export RC='from rc'\nPS1='$ '\necho sourced\n");
    String other = session + "-rc";
    String printed =
        runtime()
            .createSession(
                new SessionRequest(other, List.of(folder + "/rc"), SOON));
    assertThat(printed).contains("sourced");
    assertThat(runtime().runInSession(action("echo $RC").in(other)).output())
        .isEqualTo("from rc\n");
    runtime().closeSession(other);
  }

  // Commands outside sessions

  private Execution execute(ExecuteRequest request) throws Exception {
    return runtime().execute(request);
  }

  private ExecuteRequest line(
      String line, Duration timeout, boolean check, Map<String, String> env, String directory) {
    return new ExecuteRequest(
        List.of(line), true, timeout, check, "It went wrong", env, directory, false);
  }

  @Test
  void executes() throws Exception {
    assertThat(execute(ExecuteRequest.of("printf", "%s|", "a b", "$A", "")))
        .isEqualTo(new Execution("a b|$A||", "", 0));
    assertThat(execute(ExecuteRequest.ofShell("echo out; echo err >&2; exit 3")))
        .isEqualTo(new Execution("out\n", "err\n", 3));
    assertThat(execute(ExecuteRequest.ofShell("kill -9 $$")).exitCode()).isEqualTo(-9);
    assertThat(execute(ExecuteRequest.ofShell("printf '\\377'")).stdout()).isEqualTo("\\xff");
    assertThat(
            execute(
                    new ExecuteRequest(
                        List.of("echo a; echo b >&2; echo c"),
                        true,
                        SOON,
                        false,
                        "",
                        null,
                        null,
                        true))
                .stdout())
        .isEqualTo("a\nb\nc\n");
  }

  @Test
  void executesWithAnEnvironmentOfItsOwn() throws Exception {
    Execution done =
        execute(line("echo \"$A|$HOME|\"; pwd", SOON, false, Map.of("A", "ä b"), "/usr/lib"));
    assertThat(done).isEqualTo(new Execution("ä b||\n/usr/lib\n", "", 0));
  }

  @Test
  void executesAndChecks() {
    SwerexException e =
        fails(
            Failure.NON_ZERO_EXIT_CODE,
            () -> execute(line("echo why; exit 3", SOON, true, null, null)));
    assertThat(e).hasMessageContaining("It went wrong").hasMessageContaining("3");
    assertThat(e.output()).isEqualTo("why\n");
  }

  @Test
  void executesWhatIsThere() {
    fails(Failure.FILE, () -> execute(ExecuteRequest.of("no_such_program")));
    fails(Failure.FILE, () -> execute(line("pwd", SOON, false, null, "/no/such/folder")));
  }

  @Test
  void endsWhatItExecutesAtTheTimeout() throws Exception {
    SwerexException e =
        fails(
            Failure.COMMAND_TIMEOUT,
            () ->
                execute(
                    line("echo part; sleep 45678; true", Duration.ofSeconds(1), false, null, null)));
    assertThat(e.output())
        .isEqualTo(deviates(KnownDeviation.LOSES_PARTIAL_OUTPUT) ? "" : "part\n");
    if (deviates(KnownDeviation.LEAVES_PROCESSES_AFTER_A_TIMEOUT)) {
      assertThat(runs("[s]leep 45678")).isTrue();
      execute(ExecuteRequest.of("pkill", "-f", "[s]leep 45678"));
    } else {
      Awaitility.await().atMost(SOON).until(() -> !runs("[s]leep 45678"));
    }
  }

  @Test
  void executesWithNothingToRead() throws Exception {
    assertThat(execute(line("cat; echo end", SOON, false, null, null)).stdout()).isEqualTo("end\n");
  }

  private boolean runs(String pattern) throws Exception {
    return execute(ExecuteRequest.of("pgrep", "-f", pattern)).exitCode() == Integer.valueOf(0);
  }

  // Files

  @Test
  void writesAndReads() throws Exception {
    String text = "hä €\n\ttab 'q' \"d\" \\ $A\n😀 no end";
    runtime().writeFile(folder + "/new/deep/f.txt", text);
    assertThat(runtime().readFile(ReadFile.of(folder + "/new/deep/f.txt"))).isEqualTo(text);
    runtime().writeFile(folder + "/new/deep/f.txt", "");
    assertThat(runtime().readFile(ReadFile.of(folder + "/new/deep/f.txt"))).isEmpty();
    String large = "0123456789abcde\n".repeat(1 << 16);
    runtime().writeFile(folder + "/large", large);
    assertThat(runtime().readFile(ReadFile.of(folder + "/large"))).isEqualTo(large);
  }

  @Test
  void readsAsEncoded() throws Exception {
    run("mkdir -p " + folder + "; printf 'h\\303\\244' > " + folder + "/f");
    assertThat(runtime().readFile(new ReadFile(folder + "/f", "UTF-8", "strict"))).isEqualTo("hä");
    assertThat(runtime().readFile(new ReadFile(folder + "/f", "latin-1", "strict")))
        .isEqualTo("hÃ¤");
    assertThat(runtime().readFile(new ReadFile(folder + "/f", "ascii", "replace")))
        .isEqualTo("h\ufffd\ufffd");
    assertThat(runtime().readFile(new ReadFile(folder + "/f", "ascii", "ignore"))).isEqualTo("h");
    fails(Failure.FILE, () -> runtime().readFile(new ReadFile(folder + "/f", "ascii", "strict")));
    fails(Failure.FILE, () -> runtime().readFile(new ReadFile(folder + "/f", "nope", "strict")));
  }

  @Test
  void readsLineEndsAsTheyAre() throws Exception {
    runtime().writeFile(folder + "/crlf", "a\r\nb\r\n");
    assertThat(execute(ExecuteRequest.of("wc", "-c", folder + "/crlf")).stdout()).startsWith("6 ");
    assertThat(runtime().readFile(ReadFile.of(folder + "/crlf")))
        .isEqualTo(deviates(KnownDeviation.CHANGES_LINE_ENDS) ? "a\nb\n" : "a\r\nb\r\n");
  }

  @Test
  void saysWhatCannotBeReadOrWritten() {
    fails(Failure.FILE, () -> runtime().readFile(ReadFile.of("/no/such/file")));
    fails(Failure.FILE, () -> runtime().readFile(ReadFile.of("/usr")));
    fails(Failure.FILE, () -> runtime().writeFile("/tmp", "x"));
    fails(Failure.FILE, () -> runtime().writeFile("/proc/none/x", "x"));
    fails(Failure.FILE, () -> runtime().upload(host.resolve("none"), folder));
  }

  @Test
  void uploadsAFile() throws Exception {
    byte[] bytes = new byte[300_000];
    new java.util.Random(7).nextBytes(bytes);
    Path file = Files.write(host.resolve("ä file"), bytes);
    runtime().upload(file, folder + "/in/target.bin");
    assertThat(execute(ExecuteRequest.of("sha1sum", folder + "/in/target.bin")).stdout())
        .startsWith(
            java.util.HexFormat.of()
                .formatHex(java.security.MessageDigest.getInstance("SHA-1").digest(bytes)));
  }

  @Test
  void uploadsAFolder() throws Exception {
    Path top = Files.createDirectories(host.resolve("top"));
    Files.createDirectories(top.resolve("empty"));
    Files.createDirectories(top.resolve("deep/er"));
    Files.writeString(top.resolve("deep/er/ä.txt"), "ä\n");
    Files.writeString(top.resolve(".hidden"), "h");
    Path script = Files.writeString(top.resolve("run.sh"), "#!/bin/sh\necho ran\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    runtime().upload(top, folder + "/up");
    assertThat(
            execute(
                    ExecuteRequest.ofShell(
                        "cd " + folder + "/up && find . -mindepth 1 | LC_ALL=C sort"))
                .stdout())
        .isEqualTo("./.hidden\n./deep\n./deep/er\n./deep/er/ä.txt\n./empty\n./run.sh\n");
    Execution ran = execute(ExecuteRequest.ofShell(folder + "/up/run.sh"));
    if (deviates(KnownDeviation.LOSES_MODES)) {
      assertThat(ran.exitCode()).isEqualTo(126);
    } else {
      assertThat(ran).isEqualTo(new Execution("ran\n", "", 0));
    }
    // Into what is there already: the rest stays.
    Files.writeString(top.resolve(".hidden"), "new");
    runtime().writeFile(folder + "/up/own", "own");
    runtime().upload(top, folder + "/up");
    assertThat(runtime().readFile(ReadFile.of(folder + "/up/.hidden"))).isEqualTo("new");
    assertThat(runtime().readFile(ReadFile.of(folder + "/up/own"))).isEqualTo("own");
  }
}
