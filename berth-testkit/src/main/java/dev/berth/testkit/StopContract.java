package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import dev.berth.SandboxProcess;
import dev.berth.SandboxStatus;
import dev.berth.TransferException;
import dev.berth.spi.SandboxProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Stopping: all of it, whenever and however often it is asked for. */
public interface StopContract extends ContractSubject {
  @Test
  default void stoppingLeavesNothing(SandboxProvider provider) throws Exception {
    Mark mark = Mark.fresh();
    Sandbox sandbox = provider.create(spec());
    sandbox
        .exec(
            mark.shell(
                "(trap '' TERM HUP; setsid sh -c \"$LOOP\" $MARK >/dev/null 2>&1 &); sh -c \"$LOOP\" $MARK >/dev/null 2>&1 &"))
        .orThrow();
    sandbox.startBackground(mark.loop()).close();
    mark.awaitAlive(sandbox, 3);

    sandbox.stop();

    assertThat(sandbox.status()).isEqualTo(SandboxStatus.STOPPED);
    assertThat(sandbox.isRunning()).isFalse();
    mark.awaitGoneOnHost(Duration.ofSeconds(10));
    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  @Test
  default void stoppingMayBeRepeated(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    sandbox.stop();
    sandbox.stop();
    sandbox.close();
    sandbox.close();

    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  @Test
  default void manyMayStopAtOnce(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    CountDownLatch go = new CountDownLatch(1);
    List<Future<?>> stops = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 8; i++) {
        stops.add(
            threads.submit(() -> {
              go.await();
              sandbox.stop();
              return null;
            }));
      }
      go.countDown();
      for (Future<?> stop : stops) {
        stop.get(60, TimeUnit.SECONDS);
      }
    }
    assertThat(leftovers(sandbox.id())).isEmpty();
  }

  @Test
  default void whatRunsIsToldThatItsSandboxIsGone(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    CountDownLatch running = new CountDownLatch(1);
    FutureTask<ExecResult> call =
        new FutureTask<>(() ->
            sandbox.exec(
                Command.shell("echo up; exec sleep 60"), (channel, bytes) -> running.countDown()));
    Thread.ofVirtual().start(call);
    assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();

    sandbox.stop();

    ExecResult result = call.get(20, TimeUnit.SECONDS);
    assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
    assertThat(result.returnCode()).isEqualTo(125);
    assertThat(result.stdout()).isEqualTo("up\n");
    assertThat(result.exit().detail()).isNotEmpty();
  }

  @Test
  default void aStoppedSandboxAnswersEverythingWithATypedError(
      SandboxProvider provider, @TempDir Path host) throws Exception {
    Sandbox sandbox = provider.create(spec());
    SandboxProcess process = sandbox.startBackground(Command.of("sleep", "60"));
    sandbox.stop();

    ExecResult result = sandbox.exec("true");
    assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
    assertThat(result.returnCode()).isEqualTo(125);
    assertThatExceptionOfType(SandboxLostException.class)
        .isThrownBy(() -> sandbox.start(Command.of("true")));
    assertThatExceptionOfType(SandboxLostException.class)
        .isThrownBy(() -> sandbox.startBackground(Command.of("true")));
    assertThatThrownBy(() -> sandbox.attach(process.id(), 0, 0))
        .isInstanceOfAny(SandboxLostException.class, RequestException.class);
    assertThatThrownBy(sandbox::processes).isInstanceOf(SandboxLostException.class);
    Path source = Files.writeString(host.resolve("source"), "x");
    assertThatThrownBy(() -> sandbox.upload(source, "/tmp/x"))
        .isInstanceOfAny(SandboxLostException.class, TransferException.class);
    assertThatThrownBy(() -> sandbox.download("/etc/passwd", host.resolve("x")))
        .isInstanceOfAny(SandboxLostException.class, TransferException.class);
    assertThat(host.resolve("x")).doesNotExist();
    process.close();
  }

  @Test
  default void aLongCommandHoldsUpNeitherStatusNorStop(SandboxProvider provider) throws Exception {
    Sandbox sandbox = provider.create(spec());
    CountDownLatch running = new CountDownLatch(40);
    List<Future<ExecResult>> calls = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 40; i++) {
        calls.add(
            threads.submit(() ->
                sandbox.exec(
                    Command.shell("echo up; exec sleep 60"),
                    (channel, bytes) -> running.countDown())));
      }
      assertThat(running.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.RUNNING);
      assertThat(sandbox.exec("echo between").stdout()).isEqualTo("between\n");

      sandbox.stop();
      for (Future<ExecResult> call : calls) {
        assertThat(call.get(20, TimeUnit.SECONDS).errorType()).isEqualTo(ErrorType.SANDBOX);
      }
    }
  }

  @Test
  default void closingTheProviderEndsItsSandboxes() throws Exception {
    Sandbox sandbox;
    try (SandboxProvider provider = open()) {
      sandbox = provider.create(spec());
      assertThat(sandbox.isRunning()).isTrue();
    }
    assertThat(sandbox.isRunning()).isFalse();
    assertThat(leftovers(sandbox.id())).isEmpty();
  }
}
