package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.ProcessExit;
import dev.berth.RequestException;
import dev.berth.SandboxLostException;
import dev.berth.SandboxProcess;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.Signal;
import dev.berth.TerminalSize;
import dev.berth.UnsupportedRequestException;
import dev.berth.UnusableException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Commands through the real guest. */
@Timeout(120)
final class GuestSandboxIT {
  @TempDir Path folder;

  @Test
  void results() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      ExecResult plain = sandbox.exec("echo out; echo err >&2; exit 3");
      assertThat(plain.stdout()).isEqualTo("out\n");
      assertThat(plain.stderr()).isEqualTo("err\n");
      assertThat(plain.returnCode()).isEqualTo(3);
      assertThat(plain.errorType()).isNull();
      assertThat(sandbox.exec("kill -9 $$").returnCode()).isEqualTo(137);

      ExecResult confusing = sandbox.exec("echo 'FATAL: instance not found' >&2; exit 125");
      assertThat(confusing.returnCode()).isEqualTo(125);
      assertThat(confusing.errorType()).isNull();

      ExecResult missing = sandbox.exec(Command.of("no-such-program"));
      assertThat(missing.returnCode()).isEqualTo(127);
      assertThat(missing.errorType()).isNull();
      assertThat(missing.stderr()).isEqualTo("no-such-program: No such file or directory\n");
      assertThat(sandbox.exec(Command.of("/etc/passwd")).returnCode()).isEqualTo(126);

      assertThat(
              sandbox
                  .exec(Command.shell("echo $A; pwd").withEnv("A", "x y").inDirectory("/usr"))
                  .stdout())
          .isEqualTo("x y\n/usr\n");
    }
  }

  @Test
  void wrongRequests() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      assertThatThrownBy(() -> sandbox.exec(Command.of("true").inDirectory("/no/such")))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("/no/such");
      assertThatThrownBy(() -> sandbox.start(Command.of("true").asUser("no-such-user")))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("no-such-user");
      assertThatThrownBy(() -> sandbox.exec(Command.of("echo", "x".repeat(1 << 20))))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("Upload a file");
      assertThatThrownBy(() -> sandbox.attach("0123456789abcdef", 0, 0))
          .isInstanceOf(RequestException.class);
      assertThatThrownBy(() -> sandbox.attach("nonsense", 0, 0))
          .isInstanceOf(RequestException.class);
    }
  }

  @Test
  void inputGoesInWholeAndBeyondItsWindow() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      String big = "0123456789".repeat(300_000);
      assertThat(sandbox.exec(Command.of("cat").withStdin(big)).stdout()).isEqualTo(big);
      // A command that does not read its input ends all the same.
      assertThat(sandbox.exec(Command.of("true").withStdin(big)).ok()).isTrue();
    }
  }

  @Test
  void aGibibyteOfOutputIsCutAndCounted() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      AtomicLong seen = new AtomicLong();
      ExecResult result =
          sandbox.exec(
              Command.of("head", "-c", "1073741824", "/dev/zero").withOutputLimit(1 << 20),
              (channel, bytes) -> seen.addAndGet(bytes.remaining()));
      assertThat(result.ok()).isTrue();
      assertThat(result.stdoutTruncated()).isTrue();
      assertThat(result.stdout()).hasSize(1 << 20);
      assertThat(seen).hasValue(1L << 30);
    }
  }

  @Test
  void aSlowSinkSlowsTheCommand() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      CountDownLatch first = new CountDownLatch(1);
      CountDownLatch go = new CountDownLatch(1);
      AtomicLong seen = new AtomicLong();
      Path mark = folder.resolve("mark");
      Thread caller =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  sandbox.exec(
                      Command.shell("head -c 8388608 /dev/zero; touch " + mark),
                      (channel, bytes) -> {
                        first.countDown();
                        awaitQuietly(go);
                        seen.addAndGet(bytes.remaining());
                      });
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      first.await();
      // The flood stands while its sink does, and other commands go on.
      assertThat(sandbox.exec("echo there").stdout()).isEqualTo("there\n");
      assertThat(mark).doesNotExist();
      go.countDown();
      caller.join();
      assertThat(seen).hasValue(8 << 20);
      assertThat(mark).exists();
    }
  }

  @Test
  void aSinkThatThrowsKillsTheCommand() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      OutputSink broken =
          (channel, bytes) -> {
            throw new IllegalStateException("full");
          };
      assertThatThrownBy(() -> sandbox.exec(Command.shell("yes"), broken))
          .isInstanceOf(IllegalStateException.class);
      await().until(() -> sandbox.processes().isEmpty());
    }
  }

  @Test
  void timeoutsBringTheOutputUntilThenAndKillTheTree() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      ExecResult result =
          sandbox.exec(
              Command.shell(
                      "echo before; setsid sh -c 'sleep 1000 & echo $! >" + folder + "/pid; wait'")
                  .withTimeout(Duration.ofSeconds(1))
                  .withGrace(Duration.ofMillis(100)));
      assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
      assertThat(result.returnCode()).isEqualTo(ProcessExit.NO_RESULT);
      assertThat(result.stdout()).isEqualTo("before\n");
      String pid = Files.readString(folder.resolve("pid")).strip();
      await().until(() -> !Files.exists(Path.of("/proc", pid)));
    }
  }

  @Test
  void anInterruptKillsTheCommandAndNothingElse() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      for (int i = 0; i < 20; i++) {
        AtomicBoolean interrupted = new AtomicBoolean();
        Path started = folder.resolve("started" + i);
        Thread caller =
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    sandbox.exec("touch " + started + "; sleep 1000");
                  } catch (InterruptedException e) {
                    interrupted.set(true);
                  }
                });
        await().pollInterval(Duration.ofMillis(5)).until(() -> Files.exists(started));
        caller.interrupt();
        assertThat(caller.join(Duration.ofSeconds(10))).isTrue();
        assertThat(interrupted).isTrue();
        assertThat(sandbox.exec("echo on").stdout()).isEqualTo("on\n");
      }
      await().until(() -> sandbox.processes().isEmpty());
    }
  }

  @Test
  void aKilledGuestIsNoticedWithWhatWasPrinted() throws Exception {
    RealGuest guest = new RealGuest(folder, UnaryOperator.identity());
    try (GuestSandbox sandbox = RealGuest.sandbox(guest, SandboxSpec.builder().build())) {
      CountDownLatch printed = new CountDownLatch(1);
      AtomicLong killed = new AtomicLong();
      Thread killer =
          Thread.ofVirtual()
              .start(() -> {
                awaitQuietly(printed);
                killed.set(System.nanoTime());
                guest.kill();
              });
      ExecResult result =
          sandbox.exec(Command.shell("echo first; sleep 1000"), (c, b) -> printed.countDown());
      long took = System.nanoTime() - killed.get();
      killer.join();
      assertThat(Duration.ofNanos(took)).isLessThan(Duration.ofSeconds(2));
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.returnCode()).isEqualTo(125);
      assertThat(result.stdout()).isEqualTo("first\n");
      assertThatThrownBy(() -> sandbox.start(Command.of("true")))
          .isInstanceOf(SandboxLostException.class);
      assertThatThrownBy(() -> sandbox.upload(folder, "/tmp"))
          .isInstanceOf(SandboxLostException.class);
      assertThat(sandbox.status()).isNotEqualTo(SandboxStatus.RUNNING);
    }
    assertThat(guest.destroyed).hasValue(1);
  }

  @Test
  void startedCommandsStreamBothWays() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder);
        SandboxProcess cat =
            sandbox.start(Command.shell("while read l; do echo got $l; echo e >&2; done"))) {
      for (int i = 0; i < 100; i++) {
        cat.stdin().write(("line " + i + "\n").getBytes(StandardCharsets.UTF_8));
        byte[] expected = ("got line " + i + "\n").getBytes(StandardCharsets.UTF_8);
        assertThat(cat.stdout().readNBytes(expected.length)).isEqualTo(expected);
      }
      assertThat(cat.pid()).isPositive();
      assertThat(cat.isAlive()).isTrue();
      assertThat(cat.await(Duration.ofMillis(10))).isEmpty();
      assertThatThrownBy(() -> cat.resize(TerminalSize.DEFAULT))
          .isInstanceOf(UnsupportedRequestException.class);
      cat.stdin().close();
      assertThat(cat.stderr().readAllBytes()).hasSize(200);
      assertThat(cat.stdout().read()).isEqualTo(-1);
      assertThat(cat.await().returnCode()).isZero();
    }
  }

  @Test
  void closingAStartedCommandKillsIt() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      SandboxProcess flood = sandbox.start(Command.of("yes"));
      assertThat(flood.stdout().read()).isEqualTo('y');
      flood.close();
      await().until(() -> sandbox.processes().isEmpty());
      SandboxProcess sleeper = sandbox.start(Command.of("sleep", "1000"));
      sleeper.signal(Signal.INT);
      assertThat(sleeper.await().returnCode()).isEqualTo(130);
      sleeper.close();
    }
  }

  @Test
  void backgroundCommandsAreFoundAgainWithTheirOutput() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      SandboxProcess first =
          sandbox.startBackground(Command.shell("echo one; read l; echo two $l; echo e >&2"));
      String id = first.id();
      assertThat(first.stdout().readNBytes(4)).isEqualTo("one\n".getBytes(StandardCharsets.UTF_8));
      first.close();
      assertThat(sandbox.processes()).anyMatch(p -> p.id().equals(id) && p.running());
      try (SandboxProcess second = sandbox.attach(id, 0, 0)) {
        second.stdin().write("x\n".getBytes(StandardCharsets.UTF_8));
        assertThat(second.stdout().readAllBytes())
            .isEqualTo("one\ntwo x\n".getBytes(StandardCharsets.UTF_8));
        assertThat(second.await().returnCode()).isZero();
      }
      // Ended, and still known.
      try (SandboxProcess third = sandbox.attach(id, 4, 0)) {
        assertThat(third.stdout().readAllBytes())
            .isEqualTo("two x\n".getBytes(StandardCharsets.UTF_8));
        assertThat(third.stderr().readAllBytes()).isEqualTo(new byte[] {'e', '\n'});
      }
    }
  }

  @Test
  void aLaterHandleTakesTheOutputOver() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      SandboxProcess first = sandbox.startBackground(Command.shell("echo one; read l; echo two"));
      assertThat(first.stdout().readNBytes(4)).hasSize(4);
      SandboxProcess second = sandbox.attach(first.id(), 0, 0);
      assertThat(second.stdout().readNBytes(4)).hasSize(4);
      assertThatThrownBy(() -> first.stdout().read())
          .isInstanceOf(IOException.class)
          .hasMessageContaining("taken over");
      second.stdin().write('\n');
      assertThat(second.stdout().readAllBytes())
          .isEqualTo("two\n".getBytes(StandardCharsets.UTF_8));
      // Both learn of the end.
      assertThat(first.await().returnCode()).isZero();
      assertThat(second.await().returnCode()).isZero();
      second.close();
      first.close();
    }
  }

  @Test
  void aServerThatNobodyListensToIsNotStopped() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder)) {
      SandboxProcess server =
          sandbox.startBackground(Command.shell("head -c 5000000 /dev/zero; echo end"));
      assertThat(server.await(Duration.ofSeconds(20))).isPresent();
      byte[] last = server.stdout().readAllBytes();
      assertThat(last.length).isLessThanOrEqualTo(1 << 20);
      assertThat(new String(last, StandardCharsets.ISO_8859_1)).endsWith("end\n");
    }
  }

  @Test
  void terminals() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder);
        SandboxProcess shell = sandbox.open(Command.of("/bin/sh"), new TerminalSize(30, 100))) {
      shell.stdin().write("stty size; tty\n".getBytes(StandardCharsets.UTF_8));
      readUntil(shell, "30 100");
      shell.resize(new TerminalSize(40, 120));
      shell.stdin().write("stty size\n".getBytes(StandardCharsets.UTF_8));
      readUntil(shell, "40 120");
      shell.stdin().write("exit 7\n".getBytes(StandardCharsets.UTF_8));
      readUntil(shell, null);
      assertThat(shell.await().returnCode()).isEqualTo(7);
    }
  }

  private static void readUntil(
      SandboxProcess process, @org.jspecify.annotations.Nullable String text) throws IOException {
    StringBuilder seen = new StringBuilder();
    int c = 0;
    while (c >= 0 && (text == null || seen.indexOf(text) < 0)) {
      c = process.stdout().read();
      seen.append((char) c);
    }
    if (text != null) {
      assertThat(seen.toString()).contains(text);
    }
  }

  @Test
  void specsFilesEntrypointAndProbe() throws Exception {
    SandboxSpec spec =
        SandboxSpec.builder()
            .file(folder + "/new/folder/f.txt", "text\n")
            .entrypoint(List.of("sh", "-c", "echo started; exec sleep 1000"))
            .build();
    RealGuest guest = new RealGuest(folder, UnaryOperator.identity());
    Probe probe =
        new Probe("echo ready", "ead", Duration.ofSeconds(5), null, 3, Duration.ofMillis(1), false);
    try (GuestSandbox sandbox =
        GuestSandbox.create(guest, spec, Defaults.NONE, probe, Duration.ofSeconds(10))) {
      assertThat(folder.resolve("new/folder/f.txt")).hasContent("text\n");
      assertThat(Files.getAttribute(folder.resolve("new/folder/f.txt"), "unix:mode"))
          .isEqualTo(0100644);
      assertThat(sandbox.processes()).singleElement().matches(p -> p.running() && p.background());
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.RUNNING);
    }
    assertThat(guest.destroyed).hasValue(1);
  }

  @Test
  void aFailedProbeLeavesNothing() throws Exception {
    RealGuest guest = new RealGuest(folder, UnaryOperator.identity());
    Probe probe = new Probe("exit 4", null, Duration.ofSeconds(5), null, 1, Duration.ZERO, false);
    assertThatThrownBy(() ->
            GuestSandbox.create(
                guest, SandboxSpec.builder().build(), Defaults.NONE, probe, Duration.ofSeconds(10)))
        .isInstanceOf(UnusableException.class)
        .hasMessageContaining("exit code 4");
    assertThat(guest.destroyed).hasValue(1);
  }

  @Test
  void stopEndsWaitingCallsAndIsDoneOnce() throws Exception {
    RealGuest guest = new RealGuest(folder, UnaryOperator.identity());
    GuestSandbox sandbox = RealGuest.sandbox(guest, SandboxSpec.builder().build());
    Path started = folder.resolve("started");
    List<Thread> callers =
        java.util.stream.Stream.generate(() ->
                Thread.ofVirtual()
                    .start(() -> {
                      try {
                        assertThat(sandbox.exec("touch " + started + "; sleep 1000").errorType())
                            .isEqualTo(ErrorType.SANDBOX);
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                    }))
            .limit(10)
            .toList();
    await().until(() -> Files.exists(started));
    Thread other = Thread.ofVirtual().start(sandbox::stop);
    sandbox.stop();
    sandbox.close();
    other.join();
    for (Thread caller : callers) {
      assertThat(caller.join(Duration.ofSeconds(2))).isTrue();
    }
    assertThat(guest.destroyed).hasValue(1);
    assertThat(sandbox.status()).isEqualTo(SandboxStatus.STOPPED);
  }

  @Test
  void aDetachedSandboxOutlivesItsHandleAndIsTakenHoldOfAgain() throws Exception {
    RealGuest guest = new RealGuest(folder, UnaryOperator.identity());
    SandboxSpec spec = SandboxSpec.builder().build();
    String id;
    try (GuestSandbox first = RealGuest.sandbox(guest, spec)) {
      id = first.startBackground(Command.shell("echo hello; sleep 1000")).id();
      first.detach();
    }
    assertThat(guest.detached).hasValue(1);
    assertThat(guest.destroyed).hasValue(0);
    assertThat(guest.released).hasValue(1);
    try (GuestSandbox second = GuestSandbox.connect(guest, spec, Defaults.NONE)) {
      assertThat(second.attach(id, 0, 0).stdout().readNBytes(6)).hasSize(6);
    }
    assertThat(guest.destroyed).hasValue(0);
    GuestSandbox third = GuestSandbox.connect(guest, spec, Defaults.NONE);
    third.stop();
    assertThat(guest.destroyed).hasValue(1);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
