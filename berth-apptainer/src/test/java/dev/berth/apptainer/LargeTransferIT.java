package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Five GiB in and out again, in a folder with modes and symlinks; run in a JVM that could not hold
 * them.
 */
@Tag("soak")
class LargeTransferIT {
  private static final long BYTES = 5L << 30;
  private static final int BLOCK = 8 << 20;

  @Test
  @Timeout(900)
  void fiveGibibytesThereAndBack(@TempDir Path folder) throws Exception {
    Path there = Files.createDirectory(folder.resolve("data"));
    String sum = fill(there.resolve("large"));
    Files.setPosixFilePermissions(
        there.resolve("large"), PosixFilePermissions.fromString("rwxr-x---"));
    Files.createSymbolicLink(there.resolve("link"), Path.of("large"));

    try (ApptainerProvider provider = new ApptainerProvider(ApptainerConfig.defaults());
        Sandbox sandbox = provider.create(SandboxSpec.of(TestImage.folder().toString()))) {
      assertThat(Runtime.getRuntime().maxMemory()).as("the JVM's memory").isLessThan(BYTES);
      sandbox.upload(there, "/data");
      assertThat(
              sandbox
                  .exec(
                      Command.shell(
                              "sha256sum /data/large; stat -c %a /data/large; readlink /data/link")
                          .withTimeout(Duration.ofMinutes(5)))
                  .stdout())
          .isEqualTo(sum + "  /data/large\n750\nlarge\n");
      Files.delete(there.resolve("large"));

      Path back = folder.resolve("back");
      sandbox.download("/data", back);

      assertThat(digest(back.resolve("large"))).isEqualTo(sum);
      assertThat(
              PosixFilePermissions.toString(Files.getPosixFilePermissions(back.resolve("large"))))
          .isEqualTo("rwxr-x---");
      assertThat(Files.readSymbolicLink(back.resolve("link"))).isEqualTo(Path.of("large"));
    }
  }

  private static String fill(Path file) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    byte[] block = new byte[BLOCK];
    Random random = new Random(1);
    try (OutputStream out = Files.newOutputStream(file)) {
      for (long written = 0; written < BYTES; written += BLOCK) {
        random.nextBytes(block);
        digest.update(block);
        out.write(block);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static String digest(Path file) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    byte[] block = new byte[BLOCK];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n; (n = in.read(block)) >= 0; ) {
        digest.update(block, 0, n);
      }
    } catch (IOException e) {
      throw new AssertionError("what came back cannot be read", e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
