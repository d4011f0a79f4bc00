package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands that turn on the session that they run in. */
@Timeout(90)
class SessionAttackIT {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final SessionRequest DEFAULT =
      new SessionRequest(SessionRequest.DEFAULT, List.of(), LONG);

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
    runtime.createSession(DEFAULT);
  }

  @AfterEach
  void close() {
    runtime.close();
  }

  private Observation run(String command) throws InterruptedException {
    return runtime.runInSession(BashAction.of(command).within(LONG));
  }

  /** After each of these the session still tells output and exit code. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "printf '\\036e0123456789abcdef:0\\n\\036'",
        "printf '\\036'; printf '\\036p'; printf '\\036s0123456789abcdef:0\\n'",
        "head -c 100000 /dev/urandom",
        "head -c 300000 /dev/zero",
        "set | tail -n +1",
        "echo \"${PS1@P}\"",
        "PS1='$ '; PS2='> '; PS4='+++'; PROMPT_COMMAND='echo prompted'",
        "PS0='before'",
        "stty raw",
        "stty echo",
        "stty sane",
        "stty -isig",
        "stty tostop",
        "stty cols 10 rows 2",
        "stty raw echo",
        "exec 1>&-",
        "exec 2>&-",
        "exec 1>&- 2>&-",
        "exec >/dev/null 2>&1",
        "exec 3<&- 9<&- 10<&-; exec 9>/tmp/lock; flock 9",
        "eval() { echo no; }",
        "printf() { echo no; }",
        "builtin() { echo no; }; command() { echo no; }",
        "eval() { echo no; }; printf() { echo no; }; test() { echo no; }; cd() { echo no; }",
        "alias printf=true eval=true unset=true",
        "unset PATH",
        "PATH=/nowhere",
        "IFS=0123456789",
        "set -u",
        "set -x",
        "set -v",
        "set -f; set -C; set -a; set -b; set -h",
        "set -o posix",
        "set -T; trap 'echo debug' DEBUG",
        "trap 'echo error' ERR; false",
        "trap '' INT TERM HUP",
        "trap 'echo returned' RETURN",
        "shopt -s extglob nullglob failglob dotglob",
        "shopt -u promptvars sourcepath",
        "set +m",
        "set -H; echo 'a!b'",
        "LC_ALL=xx_XX.bogus; LANG=C",
        "readonly -f run_me; readonly IFS; readonly PATH",
        "ulimit -f 0",
        "umask 777",
        "cd /; rm -rf /tmp/gone; mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone",
        "bash -c 'kill -STOP $$' & sleep 0.2",
        "sh -c 'kill -9 $PPID' & wait; echo x >/dev/null",
        "set -- a b c; _=1; BASH_ARGV0=other",
        "history -s x; history -c; fc -l",
        "enable -n printf eval",
        "hash -r; hash -p /nowhere printf",
        "TMOUT=1",
        "coproc cat",
        "disown -a; jobs; suspend",
        "kill -STOP $$",
        "jobs() { :; }; trap 'exec 1>&-' EXIT",
        "while read -t 0.2 x; do :; done",
        "cat </dev/tty & wait",
        "python3 -c 'import tty; tty.setraw(0)'",
        "python3 -c 'import os; os.kill(os.getppid(), 2)'; true",
        "python3 -c 'import os; os.set_blocking(0, False)'",
      })
  void theSessionGoesOn(String attack) throws Exception {
    try {
      runtime.runInSession(BashAction.of(attack).within(Duration.ofSeconds(3)));
    } catch (SwerexException e) {
      assertThat(e.failure()).isIn(Failure.COMMAND_TIMEOUT, Failure.INCORRECT_SYNTAX);
    }
    runtime.interrupt(BashInterrupt.of(SessionRequest.DEFAULT));
    Observation after;
    try {
      after = run("/bin/echo checked >/dev/tty; (exit 7)");
    } catch (SwerexException e) {
      // The shell itself was killed, and says so.
      assertThat(attack).contains("kill -9");
      assertThat(e.failure()).isEqualTo(Failure.SESSION_NOT_INITIALIZED);
      return;
    }
    assertThat(after.exitCode()).isEqualTo(7);
    assertThat(after.output().replace("\r", "")).contains("checked\n");
    assertThat(run("(exit 3)").exitCode()).isEqualTo(3);
  }

  private static SwerexException failure(org.assertj.core.api.ThrowableAssert.ThrowingCallable c) {
    return catchThrowableOfType(SwerexException.class, c);
  }

  @Test
  void readOnlyPrompts() throws Exception {
    run("readonly PS1");
    assertThat(failure(() -> run("echo x")).failure()).isEqualTo(Failure.SESSION_NOT_INITIALIZED);
  }

  @Test
  void floodsAreCut() throws Exception {
    Observation flood =
        run("echo first; head -c 40000000 /dev/zero | tr '\\0' 'x'; echo; echo last");
    assertThat(flood.output())
        .startsWith("first\nxxx")
        .endsWith("xxx\nlast\n")
        .contains("left out");
    assertThat(flood.output().length()).isBetween(2 * Transcript.HALF, 2 * Transcript.HALF + 100);
    SwerexException endless =
        failure(() -> runtime.runInSession(BashAction.of("yes").within(Duration.ofSeconds(1))));
    assertThat(endless.failure()).isEqualTo(Failure.COMMAND_TIMEOUT);
    runtime.interrupt(BashInterrupt.of(SessionRequest.DEFAULT));
    assertThat(run("echo x").output()).endsWith("x\n");
  }

  @Test
  void longAndStrangeCommands() throws Exception {
    String line = "x".repeat(200_000);
    assertThat(run("echo " + line).output()).isEqualTo(line + "\n");
    String quotes = "'".repeat(5000);
    assertThat(run("cat <<'E'\n" + quotes + "\nE").output()).isEqualTo(quotes + "\n");
    String lines =
        IntStream.range(0, 10_000)
            .mapToObj(i -> "n=" + i + " # größe €")
            .collect(Collectors.joining("\n"));
    assertThat(run(lines + "\necho $n").output()).isEqualTo("9999\n");
    String controls =
        IntStream.rangeClosed(1, 127)
            .filter(i -> i != '\'')
            .mapToObj(i -> String.valueOf((char) i))
            .collect(Collectors.joining());
    assertThat(
            run("printf %s '" + controls + "' | od -An -v -tu1 | tr -s ' \\n' ' '")
                .output()
                .strip())
        .isEqualTo(
            IntStream.rangeClosed(1, 127)
                .filter(i -> i != '\'')
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(" ")));
  }

  @Test
  void fiftySessionsAtOnce() throws Exception {
    List<FutureTask<String>> all = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      String name = "s" + i;
      FutureTask<String> one =
          new FutureTask<>(() -> {
            runtime.createSession(new SessionRequest(name, List.of(), Duration.ofSeconds(40)));
            runtime.runInSession(BashAction.of("X=" + name).in(name));
            for (int j = 0; j < 5; j++) {
              runtime.runInSession(BashAction.of("sleep 0.0" + j).in(name));
            }
            return runtime.runInSession(BashAction.of("echo $X").in(name)).output();
          });
      all.add(one);
      Thread.ofVirtual().start(one);
    }
    for (int i = 0; i < all.size(); i++) {
      assertThat(all.get(i).get(60, TimeUnit.SECONDS)).isEqualTo("s" + i + "\n");
    }
  }

  @Test
  void oneSessionByManyThreads() throws Exception {
    run("n=0");
    List<FutureTask<Observation>> all = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      int mine = i;
      FutureTask<Observation> one =
          new FutureTask<>(() -> run("n=$((n+1)); echo " + mine + "; (exit " + mine + ")"));
      all.add(one);
      Thread.ofVirtual().start(one);
    }
    for (int i = 0; i < all.size(); i++) {
      assertThat(all.get(i).get(60, TimeUnit.SECONDS))
          .isEqualTo(new Observation(i + "\n", i, "", ""));
    }
    assertThat(run("echo $n").output()).isEqualTo("100\n");
  }

  @Test
  void aShellKilledFromOutside() throws Exception {
    String pid = run("echo $$").output().strip();
    FutureTask<Observation> waiting = new FutureTask<>(() -> run("echo on; sleep 600"));
    Thread.ofVirtual().start(waiting);
    org.awaitility.Awaitility.await().until(() -> sandbox.exec("pgrep -fx 'sleep 600'").ok());
    sandbox.exec("kill -9 " + pid);
    Observation observation = waiting.get(10, TimeUnit.SECONDS);
    assertThat(observation)
        .isEqualTo(new Observation("on\n", 137, "the session's shell has ended", ""));
    runtime.closeSession(SessionRequest.DEFAULT);
    runtime.createSession(DEFAULT);
  }

  @Test
  void closingASessionEndsTheCallThatWaits() throws Exception {
    FutureTask<Observation> waiting = new FutureTask<>(() -> run("sleep 601"));
    Thread.ofVirtual().start(waiting);
    org.awaitility.Awaitility.await().until(() -> sandbox.exec("pgrep -fx 'sleep 601'").ok());
    runtime.closeSession(SessionRequest.DEFAULT);
    assertThat(waiting.get(10, TimeUnit.SECONDS).failureReason()).isNotEmpty();
    runtime.createSession(DEFAULT);
  }

  @Test
  void aSandboxThatIsStopped() throws Exception {
    try (Sandbox other = berth.create(SandboxSpec.of(System.getenv("BERTH_IMAGE")))) {
      NativeRuntime doomed = new NativeRuntime(other);
      doomed.createSession(DEFAULT);
      FutureTask<Observation> waiting =
          new FutureTask<>(() -> doomed.runInSession(BashAction.of("sleep 600")));
      Thread.ofVirtual().start(waiting);
      org.awaitility.Awaitility.await().until(() -> other.exec("pgrep -fx 'sleep 600'").ok());
      other.stop();
      assertThat(
              failure(
                      () -> {
                        try {
                          waiting.get(20, TimeUnit.SECONDS);
                        } catch (java.util.concurrent.ExecutionException e) {
                          throw e.getCause();
                        }
                      })
                  .failure())
          .isEqualTo(Failure.UNREACHABLE);
      assertThat(failure(() -> doomed.execute(ExecuteRequest.of("true"))).failure())
          .isEqualTo(Failure.UNREACHABLE);
      assertThat(failure(() -> doomed.runInSession(BashAction.of("true"))).failure())
          .isEqualTo(Failure.UNREACHABLE);
      assertThat(doomed.isAlive().alive()).isFalse();
      doomed.close();
    }
  }
}
