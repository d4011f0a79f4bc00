package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.Sandbox;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Output as it comes: at once, in order, within bounds, and never faster than it is taken. */
public interface OutputContract extends ContractSubject {
  /**
   * What a command may write beyond what its reader took: windows, pipes and sockets on the way.
   */
  int AHEAD_MIB = 8;

  @Test
  default void outputArrivesWhileTheCommandRuns(Sandbox sandbox, RemoteFolder folder)
      throws Exception {
    CountDownLatch first = new CountDownLatch(1);
    String line =
        "echo first; while [ ! -e " + folder.path("go") + " ]; do sleep 0.05; done; echo second";
    FutureTask<ExecResult> call =
        new FutureTask<>(
            () -> sandbox.exec(Command.shell(line), (channel, bytes) -> first.countDown()));
    Thread.ofVirtual().start(call);

    assertThat(first.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(call.isDone()).isFalse();
    Shell.text(sandbox, ": > " + folder.path("go"));

    assertThat(call.get(20, TimeUnit.SECONDS).stdout()).isEqualTo("first\nsecond\n");
  }

  @Test
  default void aSlowSinkStopsAFlood(Sandbox sandbox, RemoteFolder folder) throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    AtomicLong taken = new AtomicLong();
    OutputSink slow =
        (channel, bytes) -> {
          try {
            release.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          taken.addAndGet(bytes.remaining());
        };
    String progress = folder.path("progress");
    FutureTask<ExecResult> call =
        new FutureTask<>(() -> sandbox.exec(flood(progress, 64).withOutputLimit(0), slow));
    Thread.ofVirtual().start(call);

    assertThat(mebibytesWhenItStands(sandbox, progress)).isBetween(0L, (long) AHEAD_MIB);
    release.countDown();

    assertThat(call.get(60, TimeUnit.SECONDS).ok()).isTrue();
    assertThat(taken).hasValue(64L << 20);
  }

  @Test
  default void outputBeyondTheLimitIsCountedCutAndMarked(Sandbox sandbox) throws Exception {
    AtomicLong taken = new AtomicLong();
    StringBuilder expected = new StringBuilder();
    for (int i = 1; expected.length() < 1 << 20; i++) {
      expected.append(i).append('\n');
    }

    ExecResult result =
        sandbox.exec(
            Command.of("seq", "1", "31000000").withOutputLimit(1 << 20),
            (channel, bytes) -> taken.addAndGet(bytes.remaining()));

    assertThat(result.ok()).isTrue();
    assertThat(result.stdoutTruncated()).isTrue();
    assertThat(result.stderrTruncated()).isFalse();
    assertThat(result.stdout()).hasSize(1 << 20).isEqualTo(expected.substring(0, 1 << 20));
    // All numbers from 1 to 31,000,000, each with a newline: 256 MiB.
    assertThat(taken)
        .hasValue(
            2L * 9
                + 3L * 90
                + 4L * 900
                + 5L * 9_000
                + 6L * 90_000
                + 7L * 900_000
                + 8L * 9_000_000
                + 9L * 21_000_001);
  }

  @Test
  default void theDefaultLimitIsExact(Sandbox sandbox) throws Exception {
    ExecResult all = sandbox.exec("head -c 16777216 /dev/zero");
    ExecResult more = sandbox.exec("head -c 16777217 /dev/zero");

    assertThat(all.stdout()).hasSize(16 << 20);
    assertThat(all.truncated()).isFalse();
    assertThat(more.stdout()).hasSize(16 << 20);
    assertThat(more.truncated()).isTrue();
  }

  @Test
  default void bothStreamsMayFloodAtOnce(Sandbox sandbox) throws Exception {
    AtomicLong out = new AtomicLong();
    AtomicLong err = new AtomicLong();
    AtomicInteger inside = new AtomicInteger();
    AtomicBoolean overlapped = new AtomicBoolean();

    ExecResult result =
        sandbox.exec(
            Command.shell("head -c 20000000 /dev/zero & head -c 30000000 /dev/zero >&2; wait"),
            (channel, bytes) -> {
              overlapped.compareAndSet(false, inside.incrementAndGet() > 1);
              (channel == OutputSink.Channel.STDOUT ? out : err).addAndGet(bytes.remaining());
              inside.decrementAndGet();
            });

    assertThat(result.stdoutTruncated()).isTrue();
    assertThat(result.stderrTruncated()).isTrue();
    assertThat(out).hasValue(20_000_000);
    assertThat(err).hasValue(30_000_000);
    assertThat(overlapped).as("two calls of the sink at once").isFalse();
  }

  @Test
  default void aSinkThatFailsKillsTheCommand(Sandbox sandbox) throws Exception {
    Mark mark = Mark.fresh();
    OutputSink failing =
        (channel, bytes) -> {
          throw new IllegalStateException("the sink's own");
        };

    assertThatExceptionOfType(IllegalStateException.class)
        .isThrownBy(() ->
            sandbox.exec(
                mark.shell("setsid sh -c \"$LOOP\" $MARK & echo x; sh -c \"$LOOP\" $MARK; :"),
                failing))
        .withMessage("the sink's own");
    mark.awaitGone(sandbox);
  }

  @Test
  default void manySmallWritesLoseNothing(Sandbox sandbox) throws Exception {
    ExecResult result =
        sandbox.exec("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done; exit 3");

    assertThat(result.returnCode()).isEqualTo(3);
    assertThat(result.stdout().lines()).hasSize(5000).last().isEqualTo("4999");
  }

  /** A command that writes so many MiB and notes its progress in a file. */
  static Command flood(String progress, int mebibytes) {
    return Command.shell(
        "i=0; while [ $i -lt "
            + mebibytes
            + " ]; do head -c 1048576 /dev/zero; i=$((i+1)); echo $i > "
            + progress
            + "; done");
  }

  /** Waits until a flood makes no progress any more, and returns how far it came. */
  static long mebibytesWhenItStands(Sandbox sandbox, String progress) {
    long[] last = {-1, 0};
    await("the flood to stand")
        .pollInterval(Duration.ofMillis(300))
        .atMost(Duration.ofSeconds(30))
        .until(() -> {
          String text = Shell.text(sandbox, "cat " + progress + " 2>/dev/null || echo 0");
          long now = text.isEmpty() ? 0 : Long.parseLong(text);
          last[1] = now == last[0] ? last[1] + 1 : 0;
          last[0] = now;
          return last[1] >= 3;
        });
    return last[0];
  }
}
