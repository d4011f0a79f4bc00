package dev.berth.core.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostCommandTest {
  @TempDir Path folder;

  @Test
  void givesExitCodeAndOutputs() throws Exception {
    HostResult result = sh("echo out; echo err >&2; exit 7").run();

    assertThat(result.exitCode()).isEqualTo(7);
    assertThat(result.ok()).isFalse();
    assertThat(result.stdout()).isEqualTo("out\n");
    assertThat(result.stderr()).isEqualTo("err\n");
    assertThat(result.truncated()).isFalse();
    assertThat(result.timedOut()).isFalse();
    assertThat(result.description()).contains("sh exited with code 7").endsWith("err");
  }

  @Test
  void noFileIsLeftShouldThisProcessBeKilled() throws Exception {
    try (HostRun run = sh("sleep 300").start()) {
      for (String descriptor : List.of("1", "2")) {
        Path link = Path.of("/proc", Long.toString(run.pid()), "fd", descriptor);
        assertThat(Files.readSymbolicLink(link).toString())
            .contains("/berth-")
            .endsWith(".out (deleted)");
      }
      run.kill();
    }
  }

  @Test
  void readsNothing() throws Exception {
    assertThat(HostCommand.of("cat").run().ok()).isTrue();
  }

  @Test
  void addsAndRemovesVariables() throws Exception {
    HostCommand command = sh("echo $A-$HOME-$PATH").withEnv("A", "1").withoutEnv("HOME");

    assertThat(command.run().stdout()).startsWith("1--/");
    assertThat(HostCommand.of("/usr/bin/env").withCleanEnv().withEnv("A", "x y").run().stdout())
        .isEqualTo("A=x y\n");
  }

  @Test
  void runsInAFolder() throws Exception {
    assertThat(sh("pwd").inDirectory(folder).run().stdout().strip())
        .isEqualTo(folder.toRealPath().toString());
  }

  @Test
  void keepsFirstAndLastPartOfLongOutput() throws Exception {
    HostResult result = sh("seq 1 100000").withOutputLimit(4000).run();

    assertThat(result.truncated()).isTrue();
    assertThat(result.stdout()).hasSizeLessThan(4100).startsWith("1\n2\n").endsWith("100000\n");
    assertThat(result.stdout()).contains("bytes left out");
  }

  @Test
  void handsLinesOnAsTheyCome() throws Exception {
    List<String> lines = new CopyOnWriteArrayList<>();
    Path go = folder.resolve("go");
    Thread runner =
        Thread.ofVirtual()
            .start(() -> {
              try {
                sh("echo one; printf '50%%\\r'; until [ -e go ]; do sleep 0.01; done; printf end")
                    .inDirectory(folder)
                    .withLines(lines::add)
                    .run();
              } catch (InterruptedException e) {
                lines.add("interrupted");
              }
            });

    await().untilAsserted(() -> assertThat(lines).containsExactly("one", "50%"));
    Files.createFile(go);
    runner.join();
    assertThat(lines).containsExactly("one", "50%", "end");
  }

  @Test
  void killsTheTreeAtItsDeadlineAndKeepsTheOutput() throws Exception {
    String tag = UUID.randomUUID().toString();
    HostResult result =
        sh("echo partial; sleep 100 & sh -c 'sleep 100; true' & wait")
            .withEnv(Tagged.TAG, tag)
            .withTimeout(Duration.ofMillis(300))
            .run();

    assertThat(result.timedOut()).isTrue();
    assertThat(result.exitCode()).isEqualTo(-1);
    assertThat(result.stdout()).isEqualTo("partial\n");
    assertThat(result.description()).contains("was killed");
    await().untilAsserted(() -> assertThat(Tagged.processes(tag)).isEmpty());
  }

  @Test
  void isNotHeldUpByADaemonThatKeepsItsOutputOpen() throws Exception {
    String tag = UUID.randomUUID().toString();
    HostResult result = sh("echo started; setsid sleep 100 &").withEnv(Tagged.TAG, tag).run();

    assertThat(result.ok()).isTrue();
    assertThat(result.stdout()).isEqualTo("started\n");
    assertThat(result.duration()).isLessThan(Duration.ofSeconds(5));
    await().untilAsserted(() -> assertThat(Tagged.processes(tag)).hasSize(1));
    Tagged.processes(tag).forEach(HostProcess::kill);
    await().untilAsserted(() -> assertThat(Tagged.processes(tag)).isEmpty());
  }

  @Test
  void interruptingKillsTheTree() throws Exception {
    String tag = UUID.randomUUID().toString();
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread runner =
        Thread.ofVirtual()
            .start(() -> {
              try {
                sh("sleep 100; true").withEnv(Tagged.TAG, tag).run();
              } catch (Throwable e) {
                // Looked at below: nothing else would tell the test of it.
                thrown.set(e);
              }
            });
    await().untilAsserted(() -> assertThat(Tagged.processes(tag)).hasSizeGreaterThan(1));

    runner.interrupt();
    runner.join();

    assertThat(thrown.get()).isInstanceOf(InterruptedException.class);
    await().untilAsserted(() -> assertThat(Tagged.processes(tag)).isEmpty());
  }

  @Test
  void canBeStartedAndAwaitedLater() throws Exception {
    try (HostRun run =
        sh("until [ -e go ]; do sleep 0.01; done; echo done").inDirectory(folder).start()) {
      assertThat(run.await(Duration.ofMillis(20))).isEmpty();
      assertThat(run.isAlive()).isTrue();
      assertThat(HostProcess.of(run.pid())).isPresent();
      Files.createFile(folder.resolve("go"));
      assertThat(run.await(Duration.ofSeconds(10)).orElseThrow().stdout()).isEqualTo("done\n");
    }
  }

  @Test
  void aMissingProgramIsAnError() {
    assertThatThrownBy(() -> HostCommand.of("/nowhere/tool").withEnv("TOKEN", "s3cret").run())
        .isInstanceOf(UnsupportedRequestException.class)
        .hasMessageContaining("/nowhere/tool")
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void noMessageShowsAVariablesValue() {
    assertThatThrownBy(() -> HostCommand.of("true").withEnv(Map.of("TOKEN", "s3cret\0")))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("TOKEN")
        .hasMessageNotContaining("s3cret");
  }

  private static HostCommand sh(String line) {
    return HostCommand.of("/bin/sh", "-c", line);
  }
}
