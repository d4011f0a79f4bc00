package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sessions where there is no bash: the same, in the language of sh. */
@Timeout(60)
class PlainShellIT {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(300);
  private static final String TOOLS = "/tmp/tools";

  private static Berth berth;
  private static Sandbox sandbox;
  private NativeRuntime runtime;

  @BeforeAll
  static void makeSandbox() throws Exception {
    berth = Berth.builder().provider("apptainer").build();
    sandbox =
        berth.create(SandboxSpec.builder().image(SwerexImage.bare()).env("PATH", TOOLS).build());
    sandbox
        .exec(
            "/bin/mkdir "
                + TOOLS
                + "; for t in sh cat mkdir stty sleep env head tr od sort python3;"
                + " do /bin/ln -s /usr/bin/$t "
                + TOOLS
                + "/$t; done")
        .orThrow();
  }

  @AfterAll
  static void endSandbox() {
    berth.close();
  }

  @BeforeEach
  void open() throws Exception {
    runtime = new NativeRuntime(sandbox);
    runtime.createSession(new SessionRequest(SessionRequest.DEFAULT, List.of(), LONG));
  }

  @AfterEach
  void close() {
    runtime.close();
  }

  private Observation run(String command) throws InterruptedException {
    return runtime.runInSession(BashAction.of(command).within(LONG));
  }

  private static SwerexException failure(org.assertj.core.api.ThrowableAssert.ThrowingCallable c) {
    return catchThrowableOfType(SwerexException.class, c);
  }

  @Test
  void itIsNoBash() throws Exception {
    assertThat(run("echo \"[$BASH_VERSION]\"").output()).isEqualTo("[]\n");
  }

  @Test
  void outputCodeAndState() throws Exception {
    assertThat(run("printf 'no newline'; (exit 3)"))
        .isEqualTo(new Observation("no newline", 3, "", ""));
    assertThat(run("echo $?").output()).isEqualTo("3\n");
    run("cd /usr; X='a b'; f() { echo \"f:$1\"; }");
    assertThat(run("pwd\necho \"$X\" # comment\nf 2\ncat <<'E'\n$x 'q'\nE").output())
        .isEqualTo("/usr\na b\nf:2\n$x 'q'\n");
    assertThat(run("sleep 100 & echo on").output()).endsWith("on\n");
  }

  @Test
  void whatCannotBeParsedRunsNotEvenInPart() throws Exception {
    for (String wrong : List.of("cd /usr\nif", "cd /usr; echo 'open", "cd /usr; }", "(cd /usr")) {
      assertThat(failure(() -> run(wrong)).failure()).isEqualTo(Failure.INCORRECT_SYNTAX);
      assertThat(run("pwd").output()).as(wrong).isEqualTo("/\n");
    }
  }

  @Test
  void whatEndsAnyPlainShellEndsNotTheSession() throws Exception {
    for (String fatal :
        List.of(
            "${x?unset}", "set -u; echo $nothing", "readonly R; R=1", ". /no/such", "shift 9")) {
      assertThat(run(fatal).exitCode()).as(fatal).isNotZero();
      assertThat(run("set +u; echo on").output()).as(fatal).endsWith("on\n");
    }
    assertThat(run("exit 5").exitCode()).isEqualTo(5);
    assertThat(failure(() -> run("echo")).failure()).isEqualTo(Failure.SESSION_NOT_INITIALIZED);
  }

  @Test
  void timeoutsAndInterrupts() throws Exception {
    for (String slow : List.of("echo part; sleep 50; echo no", "while :; do :; done", "cat")) {
      assertThat(failure(() -> runtime.runInSession(BashAction.of(slow).within(SHORT))).failure())
          .isEqualTo(Failure.COMMAND_TIMEOUT);
      runtime.interrupt(BashInterrupt.of(SessionRequest.DEFAULT));
      assertThat(run("echo on").output()).as(slow).endsWith("on\n");
    }
  }

  @Test
  void interactivePrograms() throws Exception {
    runtime.runInSession(BashAction.of("python3 -q").interactive().expecting(">>> ").within(LONG));
    assertThat(
            runtime
                .runInSession(
                    BashAction.of("print(6 * 7)").interactive().expecting(">>> ").within(LONG))
                .output())
        .isEqualTo("42");
    runtime.runInSession(BashAction.of("exit()").quitting().within(LONG));
    assertThat(run("echo on").output()).isEqualTo("on\n");
  }

  @Test
  void longAndStrangeCommands() throws Exception {
    String line = "x".repeat(50_000);
    assertThat(run("echo " + line).output()).isEqualTo(line + "\n");
    String controls =
        IntStream.rangeClosed(1, 127)
            .filter(i -> i != '\'')
            .mapToObj(i -> String.valueOf((char) i))
            .collect(Collectors.joining());
    assertThat(
            run("printf %s '" + controls + "' | od -An -v -tu1 | tr -s ' \n' ' '").output().strip())
        .isEqualTo(
            IntStream.rangeClosed(1, 127)
                .filter(i -> i != '\'')
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(" ")));
  }

  @Test
  void attacks() throws Exception {
    for (String attack :
        List.of(
            "printf() { echo no; }",
            "PS1='$ '",
            "IFS=0123456789",
            "set -x",
            "set -f",
            "unset PATH",
            "exec 1>&- 2>&-",
            "stty raw echo",
            "alias printf=true",
            "trap '' INT",
            "set -e")) {
      run(attack);
      assertThat(run("(exit 3) || sh -c 'exit 7' || [ 7 = \"$?\" ]").exitCode())
          .as(attack)
          .isIn(0, 1);
      runtime.closeSession(SessionRequest.DEFAULT);
      runtime.createSession(new SessionRequest(SessionRequest.DEFAULT, List.of(), LONG));
    }
  }
}
