package dev.berth.core.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.UUID;
import org.junit.jupiter.api.Test;

class HostProcessTest {
  @Test
  void knowsWhetherItIsStillTheSameProcess() throws Exception {
    Process sleep = new ProcessBuilder("sleep", "100").start();
    HostProcess process = HostProcess.of(sleep.pid()).orElseThrow();

    assertThat(process.alive()).isTrue();
    assertThat(new HostProcess(process.pid(), process.start() + 1).alive()).isFalse();
    assertThat(HostProcess.parse(process.toString())).isEqualTo(process);

    new HostProcess(process.pid(), process.start() + 1).kill();
    assertThat(process.alive()).isTrue();

    process.kill();
    await().until(() -> !process.alive());
    assertThat(HostProcess.of(-5)).isEmpty();
  }

  @Test
  void findsProcessesByTheirTag() throws Exception {
    String tag = UUID.randomUUID().toString();
    ProcessBuilder builder = new ProcessBuilder("sleep", "100");
    builder.environment().put(HostProcess.TAG, tag);
    builder.environment().put("OTHER_" + HostProcess.TAG, tag + "x");
    Process sleep = builder.start();
    try {
      await()
          .untilAsserted(() ->
              assertThat(HostProcess.tagged(tag))
                  .containsExactly(HostProcess.of(sleep.pid()).orElseThrow()));
      assertThat(HostProcess.tagged(tag + "x")).isEmpty();
    } finally {
      sleep.destroyForcibly();
    }
  }

  @Test
  void aProgramsNameMayHoldAnything() throws Exception {
    Process process = new ProcessBuilder("/bin/bash", "-c", "exec -a 'x) Z 1 2' sleep 100").start();
    try {
      assertThat(HostProcess.of(process.pid())).isPresent();
    } finally {
      process.destroyForcibly();
    }
  }
}
