package dev.berth.fargate.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.time.Duration;
import java.util.List;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.config.keys.PublicKeyEntry;
import org.apache.sshd.common.config.keys.writer.openssh.OpenSSHKeyPairResourceWriter;
import org.apache.sshd.common.keyprovider.KeyPairProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A rehearsal that fails says nothing to anybody: it would only be slow from then on. */
class WarmUpTest {
  @Test
  @Timeout(60)
  void goesThroughAndLeavesNoThread() throws Exception {
    KeyPair pair = KeyUtils.generateKeyPair(KeyPairProvider.SSH_ED25519, 256);
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    OpenSSHKeyPairResourceWriter.INSTANCE.writePrivateKey(pair, "of a test", null, text);
    String host = PublicKeyEntry.toString(pair.getPublic());

    assertThatCode(() -> WarmUp.run(text.toString(StandardCharsets.UTF_8), List.of(host)))
        .doesNotThrowAnyException();

    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() ->
            assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .filteredOn(name -> name.startsWith("berth-ssh") || name.startsWith("sshd-"))
                // The library's own, which end after a minute.
                .filteredOn(name -> !name.startsWith("sshd-kex-flusher"))
                .filteredOn(name -> !name.contains("ConnectorCleanup"))
                .isEmpty());
  }
}
