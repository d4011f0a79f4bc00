package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.Command;
import dev.berth.CommandFailedException;
import dev.berth.ExecResult;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Commands and their results: a command's own end is never taken for anything else, and one command
 * never for another.
 */
public interface ExecContract extends ContractSubject {
  @Test
  default void outputAndErrorOutputComeApart(Sandbox sandbox) throws Exception {
    ExecResult result = sandbox.exec("echo out; echo err >&2");

    assertThat(result.stdout()).isEqualTo("out\n");
    assertThat(result.stderr()).isEqualTo("err\n");
    assertThat(result.ok()).isTrue();
    assertThat(result.truncated()).isFalse();
  }

  @Test
  default void everyExitCodeIsTheCommandsOwn(Sandbox sandbox) throws Exception {
    for (int code : new int[] {0, 1, 2, 3, 124, 125, 126, 127, 128, 137, 254, 255}) {
      ExecResult result = sandbox.exec("exit " + code);

      assertThat(result.returnCode()).isEqualTo(code);
      assertThat(result.errorType()).as("error type of exit code %d", code).isNull();
      assertThat(result.ok()).isEqualTo(code == 0);
    }
  }

  @Test
  default void whatACommandPrintsDecidesNothing(Sandbox sandbox) throws Exception {
    for (int code : new int[] {1, 125, 255}) {
      for (String text :
          List.of(
              "FATAL: instance not found",
              "FATAL:   no instance found with name x",
              "cat: /x does not exist")) {
        ExecResult result =
            sandbox.exec(Command.of("/bin/sh", "-c", "echo \"$1\" >&2; exit " + code, "sh", text));

        assertThat(result.returnCode()).isEqualTo(code);
        assertThat(result.errorType()).isNull();
        assertThat(result.stderr()).isEqualTo(text + "\n");
      }
    }
  }

  @Test
  default void aSignalIs128AndItsNumber(Sandbox sandbox) throws Exception {
    for (int signal : new int[] {1, 9, 15}) {
      ExecResult result = sandbox.exec("kill -" + signal + " $$");

      assertThat(result.returnCode()).isEqualTo(128 + signal);
      assertThat(result.errorType()).isNull();
    }
  }

  @Test
  default void aMissingProgramIs127AndSaysSo(Sandbox sandbox) throws Exception {
    for (String program : List.of("contract-no-such-program", "/tmp/contract/no/such/program")) {
      ExecResult result = sandbox.exec(Command.of(program));

      assertThat(result.returnCode()).isEqualTo(127);
      assertThat(result.errorType()).isNull();
      assertThat(result.exit().detail()).isNotEmpty();
    }
  }

  @Test
  default void aFileThatCannotBeRunIs126AndSaysSo(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    Shell.text(sandbox, "echo 'exit 0' > " + folder.path("plain"));

    for (String program : List.of(folder.path("plain"), folder.path())) {
      ExecResult result = sandbox.exec(Command.of(program));

      assertThat(result.returnCode()).isEqualTo(126);
      assertThat(result.errorType()).isNull();
      assertThat(result.exit().detail()).isNotEmpty();
    }
  }

  @Test
  default void aResultSaysWhatTheCommandUsed(Sandbox sandbox) throws Exception {
    ExecResult result = sandbox.exec("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");

    assertThat(result.duration()).isPositive();
    assertThat(result.exit().cpuTime()).isPositive();
    assertThat(result.exit().maxRssBytes()).isPositive();
  }

  @Test
  default void aFailedCommandCanBeMadeAnException(Sandbox sandbox) throws Exception {
    ExecResult result = sandbox.exec("echo why >&2; exit 3");

    assertThatExceptionOfType(CommandFailedException.class)
        .isThrownBy(result::orThrow)
        .withMessageContaining("why");
  }

  @Test
  default void theWorkingDirectoryIsTheOneAskedFor(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    Shell.text(sandbox, "mkdir " + Shell.quote(folder.path("with space")));

    ExecResult result = sandbox.exec(Command.of("pwd").inDirectory(folder.path("with space")));

    assertThat(result.stdout()).isEqualTo(folder.path("with space") + "\n");
    assertThat(Shell.text(sandbox, "pwd")).startsWith("/");
  }

  @Test
  default void aMissingWorkingDirectoryIsRefusedByName(Sandbox sandbox) {
    Command command = Command.of("pwd").inDirectory("/tmp/contract-no-such-folder");

    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> sandbox.exec(command))
        .withMessageContaining("/tmp/contract-no-such-folder");
  }

  @Test
  default void whatACommandLeavesIsThereForTheNext(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    sandbox.exec("echo kept > " + folder.path("state")).orThrow();

    assertThat(Shell.text(sandbox, "cat " + folder.path("state"))).isEqualTo("kept");
  }

  @Test
  default void aProcessLeftBehindLivesOnAndHoldsNothingUp(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();

    ExecResult result =
        sandbox.exec(
            mark.shell("sh -c \"$LOOP\" $MARK & echo $!").withTimeout(Duration.ofSeconds(30)));

    assertThat(result.errorType()).isNull();
    mark.awaitAlive(sandbox, 1);
    sandbox.exec("kill -9 " + result.stdout().strip()).orThrow();
    mark.awaitGone(sandbox);
  }

  @Test
  default void whatACommandLeavesBehindIsKilledIfItSaysSo(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();

    ExecResult result =
        sandbox.exec(
            mark.shell(
                    "sh -c \"$LOOP\" $MARK & (trap '' TERM HUP; setsid sh -c \"$LOOP\" $MARK &); echo said; exit 3")
                .killingRemains());

    assertThat(result.returnCode()).isEqualTo(3);
    assertThat(result.errorType()).isNull();
    assertThat(result.stdout()).isEqualTo("said\n");
    assertThat(mark.alive(sandbox)).isZero();
  }

  @Test
  default void aThousandCommandsInARow(Sandbox sandbox) throws Exception {
    for (int i = 0; i < 1000; i++) {
      assertThat(sandbox.exec(Command.of("echo", Integer.toString(i))).stdout())
          .isEqualTo(i + "\n");
    }
  }

  @Test
  default void manyCallersNeverGetEachOthersResults(Sandbox sandbox) throws Exception {
    List<Future<Integer>> callers = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int caller = 0; caller < 32; caller++) {
        String name = "caller " + caller;
        callers.add(
            threads.submit(() -> {
              int right = 0;
              for (int i = 0; i < 50; i++) {
                String text = name + " command " + i;
                ExecResult result =
                    sandbox.exec(
                        Command.of(
                                "/bin/sh",
                                "-c",
                                "cat; echo \"$1\" >&2; exit $2",
                                "sh",
                                text,
                                "" + i)
                            .withStdin(text));
                right +=
                    result.stdout().equals(text)
                            && result.stderr().equals(text + "\n")
                            && result.returnCode() == i
                        ? 1
                        : 0;
              }
              return right;
            }));
      }
      for (Future<Integer> caller : callers) {
        assertThat(caller.get(100, TimeUnit.SECONDS)).isEqualTo(50);
      }
    }
  }

  @Test
  default void anInterruptedCallerKillsItsCommand(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();
    CountDownLatch running = new CountDownLatch(1);
    FutureTask<ExecResult> call =
        new FutureTask<>(() ->
            sandbox.exec(
                mark.shell("echo up; setsid sh -c \"$LOOP\" $MARK & sh -c \"$LOOP\" $MARK; :"),
                (channel, bytes) -> running.countDown()));
    Thread caller = Thread.ofPlatform().start(call);
    assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
    mark.awaitAlive(sandbox, 2);

    caller.interrupt();

    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(() -> call.get(20, TimeUnit.SECONDS))
        .withCauseInstanceOf(InterruptedException.class);
    mark.awaitGone(sandbox);
  }

  @Test
  default void onlyTheThreeStreamsAreOpen(Sandbox sandbox) throws Exception {
    // The shell opens the folder itself to list it: one more descriptor, which is closed again when
    // it looks.
    String open =
        Shell.text(
            sandbox,
            "for fd in /proc/$$/fd/*; do [ -e \"$fd\" ] || [ -L \"$fd\" ] && echo \"${fd##*/}\"; done; :");

    assertThat(open.lines()).contains("0", "1", "2").allMatch(fd -> Integer.parseInt(fd) <= 2);
  }
}
