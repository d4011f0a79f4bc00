package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * What every {@link Runtime} does, whatever is behind it: sessions with {@link SessionContract},
 * time, programs that read, single commands and files.
 */
abstract class RuntimeContract extends SessionContract {
  @Test
  void isAlive() throws Exception {
    assertThat(runtime().isAlive().alive()).isTrue();
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
    assertThat(e.output()).isEqualTo(deviates(KnownDeviation.LOSES_PARTIAL_OUTPUT) ? "" : "part\n");
    Observation seen = runtime().interrupt(BashInterrupt.of(session));
    assertThat(seen.exitCode()).isNull();
    assertRuns("echo back", "back\n", 0);
  }

  @Test
  void interruptsWhatIgnoresInterrupts() throws Exception {
    fails(
        Failure.COMMAND_TIMEOUT,
        () ->
            runtime().runInSession(action("trap '' INT; sleep 60").within(Duration.ofSeconds(1))));
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
            .start(() -> {
              try {
                waiter.outcome = runtime().runInSession(slow);
              } catch (SwerexException | InterruptedException e) {
                waiter.outcome = e;
              }
            });
    if (!oneAtATime) {
      Awaitility.await()
          .atMost(SOON)
          .until(() ->
              Objects.equals(
                  runtime().execute(ExecuteRequest.of("test", "-e", folder + "-t")).exitCode(), 0));
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
        runtime().interrupt(new BashInterrupt(session, Duration.ofMillis(500), 3, List.of(">>> ")));
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
    assertThat(runtime().runInSession(action("bob").quitting()).output()).contains("hello bob");
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
    assertThat(runtime().runInSession(action("echo none").expecting("not there")).expectString())
        .isEmpty();
  }

  @Test
  void typesNothingIntoTheProgram() throws Exception {
    Observation seen =
        runtime()
            .runInSession(action("read -p 'name> ' n").checking(Check.SILENT).expecting("name> "));
    assertThat(seen.exitCode()).isNull();
    if (deviates(KnownDeviation.TYPES_INTO_THE_PROGRAM)) {
      assertThat(output("echo \"<$n>\"")).doesNotContain("bob");
    } else {
      runtime().runInSession(action("bob").quitting());
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
    fails(Failure.SESSION_DOES_NOT_EXIST, () -> runtime().runInSession(action("echo").in(other)));
    assertRuns("pwd", "/tmp\n", 0);
  }

  @Test
  void aNameIsTakenOnce() throws Exception {
    run("A=1");
    fails(Failure.SESSION_EXISTS, () -> runtime().createSession(SessionRequest.of(session)));
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
    fails(Failure.SESSION_DOES_NOT_EXIST, () -> runtime().interrupt(BashInterrupt.of("none")));
    fails(Failure.SESSION_DOES_NOT_EXIST, () -> runtime().runInSession(action("true").in("none")));
  }

  @Test
  void aSessionEndsWithItsShell() throws Exception {
    if (deviates(KnownDeviation.FAILS_AT_THE_END_OF_THE_SHELL)) {
      fails(Failure.SESSION_NOT_INITIALIZED, () -> run("echo bye; exit 3"));
    } else {
      Observation last = run("echo bye; exit 3");
      assertThat(last.output()).startsWith("bye\n");
      assertThat(last.exitCode()).isEqualTo(3);
    }
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
        runtime().createSession(new SessionRequest(other, List.of(folder + "/rc"), SOON));
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
                    line(
                        "echo part; sleep 45678; true", Duration.ofSeconds(1), false, null, null)));
    assertThat(e.output()).isEqualTo(deviates(KnownDeviation.LOSES_PARTIAL_OUTPUT) ? "" : "part\n");
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
    return Objects.equals(execute(ExecuteRequest.of("pgrep", "-f", pattern)).exitCode(), 0);
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
    fails(Failure.OTHER, () -> runtime().readFile(new ReadFile(folder + "/f", "nope", "strict")));
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
