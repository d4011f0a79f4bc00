package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.ProcessExit;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import dev.berth.SandboxProcess;
import dev.berth.SandboxStatus;
import dev.berth.spi.SandboxProvider;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A sandbox that is lost is noticed soon, said so by type, and leaves nothing. */
public interface LossContract extends ContractSubject {
  @Test
  default void aCommandWhoseSandboxIsLostSaysSo(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    try (sandbox) {
      CountDownLatch running = new CountDownLatch(1);
      FutureTask<ExecResult> call =
          new FutureTask<>(() ->
              sandbox.exec(
                  Command.shell("echo up; exec sleep 60"),
                  (channel, bytes) -> running.countDown()));
      Thread.ofVirtual().start(call);
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();

      kill(sandbox);

      ExecResult result = call.get(5, TimeUnit.SECONDS);
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.returnCode()).isEqualTo(125);
      assertThat(result.stdout()).isEqualTo("up\n");
      assertThat(result.exit().detail()).isNotEmpty();
      assertThat(sandbox.status()).isIn(SandboxStatus.STOPPED, SandboxStatus.ERROR);
      assertThat(sandbox.exec("true").errorType()).isEqualTo(ErrorType.SANDBOX);
    }
    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  @Test
  default void whoeverReadsOrWaitsWhenItIsLostIsTold(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    try (sandbox) {
      SandboxProcess process = sandbox.start(Command.shell("echo up; exec sleep 60"));
      FutureTask<Integer> reader =
          new FutureTask<>(() -> {
            int bytes = process.stdout().readNBytes(3).length;
            bytes += process.stdout().readAllBytes().length;
            return bytes;
          });
      Thread.ofVirtual().start(reader);
      FutureTask<ProcessExit> waiter = new FutureTask<>(process::await);
      Thread.ofVirtual().start(waiter);

      kill(sandbox);

      assertThatExceptionOfType(java.util.concurrent.ExecutionException.class)
          .isThrownBy(() -> reader.get(20, TimeUnit.SECONDS))
          .withCauseInstanceOf(IOException.class);
      assertThat(waiter.get(20, TimeUnit.SECONDS).errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(process.isAlive()).isFalse();
      assertThatExceptionOfType(SandboxLostException.class)
          .isThrownBy(() -> sandbox.start(Command.of("true")));
      process.close();
    }
    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  /**
   * The command kills what it runs under, from inside: everything above it in an isolated sandbox;
   * where the host's own processes would be hit, its supervisor, guest and guardian. What must come
   * of it is an answer in time, never a hang, and never a result that looks like the command's own
   * success; and nothing may be left of it.
   */
  @Test
  default void killingWhatACommandRunsUnderIsNoticed(SandboxProvider provider) throws Exception {
    Mark mark = Mark.fresh();
    String up =
        """
        sh -c "$LOOP" $MARK &
        p=$$; chain=; n=0
        while [ $n -lt $DEPTH ]; do
          while read -r key value rest; do [ "$key" = PPid: ] && next=$value; done < /proc/$p/status
          [ "$next" -gt 1 ] && [ "$next" != "$TEST" ] || break
          chain="$next $chain"; p=$next; n=$((n+1))
        done
        kill -9 $chain; sleep 30
        """;
    Command command =
        mark.shell(up)
            .withEnv("DEPTH", can(Trait.ISOLATED) ? "100" : "3")
            .withEnv("TEST", "" + ProcessHandle.current().pid());
    Sandbox sandbox = provider.create(spec());
    try (sandbox) {
      FutureTask<ExecResult> call = new FutureTask<>(() -> sandbox.exec(command));
      Thread.ofVirtual().start(call);

      ExecResult result = call.get(20, TimeUnit.SECONDS);
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.exit().detail()).isNotEmpty();
    }
    mark.awaitGoneOnHost(Duration.ofSeconds(10));
    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  /**
   * The command stops its guest (SIGSTOP), which then answers nothing. A guest that is the first
   * process of its namespace cannot be stopped from inside, and goes on.
   */
  @Test
  default void aStoppedGuestIsNoticed(SandboxProvider provider) throws Exception {
    String stop =
        """
        while read -r key value rest; do [ "$key" = PPid: ] && guest=$value; done < /proc/$PPID/status
        kill -STOP $guest; sleep 8; echo on
        """;
    Sandbox sandbox = provider.create(spec());
    try (sandbox) {
      FutureTask<ExecResult> call = new FutureTask<>(() -> sandbox.exec(Command.shell(stop)));
      Thread.ofVirtual().start(call);

      ExecResult result = call.get(14, TimeUnit.SECONDS);
      if (result.errorType() == null) {
        assertThat(result.stdout()).isEqualTo("on\n");
      } else {
        assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
        assertThat(result.exit().detail()).contains("stopped");
        assertThat(result.exit().duration()).isLessThan(Duration.ofSeconds(7));
      }
    }
    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  @Test
  default void aSandboxEndsWithItsTimeToLive(SandboxProvider provider) throws Exception {
    Mark mark = Mark.fresh();
    Sandbox sandbox = provider.create(spec().toBuilder().ttl(Duration.ofSeconds(2)).build());
    try (sandbox) {
      ExecResult result =
          sandbox.exec(
              mark.shell("setsid sh -c \"$LOOP\" $MARK & exec sleep 60")
                  .withTimeout(Duration.ofSeconds(50)));

      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      await().atMost(Duration.ofSeconds(10)).until(() -> !sandbox.isRunning());
      mark.awaitGoneOnHost(Duration.ofSeconds(10));
    }
    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  @Test
  default void anIdleSandboxEnds(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec().toBuilder().idleLimit(Duration.ofSeconds(2)).build());
    try (sandbox) {
      assertThat(sandbox.exec(Command.of("sleep", "3")).ok())
          .as("a sandbox with a command is not idle")
          .isTrue();

      // Asking more often than the limit could count as use.
      await()
          .pollInterval(Duration.ofMillis(3500))
          .atMost(Duration.ofSeconds(20))
          .until(() -> !sandbox.isRunning());
      assertThat(sandbox.exec("true").errorType()).isEqualTo(ErrorType.SANDBOX);
    }
    assertThat(leftovers(sandbox.id())).isEmpty();
  }
}
