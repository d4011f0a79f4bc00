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
        "eval() { echo no; }; printf() { echo no; }; test() { echo no; }; exit() { echo no; }",
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
      })
  void theSessionGoesOn(String attack) throws Exception {
    try {
      run(attack);
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
}
