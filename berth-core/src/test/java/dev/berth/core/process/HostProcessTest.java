package dev.berth.core.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import org.junit.jupiter.api.Test;

class HostProcessTest {
  @Test
  void knowsWhetherItIsStillTheSameProcess() throws Exception {
    Process sleep = new ProcessBuilder("sleep", "100").start();
    HostProcess process = HostProcess.of(sleep.pid()).orElseThrow();

    assertThat(process.alive()).isTrue();
    assertThat(new HostProcess(process.pid(), process.start() + 1).alive()).isFalse();

    new HostProcess(process.pid(), process.start() + 1).kill();
    assertThat(process.alive()).isTrue();

    process.kill();
    await().until(() -> !process.alive());
    assertThat(HostProcess.of(-5)).isEmpty();
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
