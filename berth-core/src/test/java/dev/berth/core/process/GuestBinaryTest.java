package dev.berth.core.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GuestBinaryTest {
  private static final byte[] PROGRAM = "#!/bin/sh\necho hello\n".getBytes(StandardCharsets.UTF_8);

  @TempDir Path cache;

  @Test
  void isExecutableAndNobodyElsesToWrite() throws Exception {
    Path file = GuestBinary.extract(PROGRAM, cache);

    assertThat(HostCommand.of(file.toString()).run().stdout()).isEqualTo("hello\n");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rwxr-xr-x");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file.getParent())))
        .isEqualTo("rwx------");
    assertThat(file.getParent().getFileName().toString()).hasSize(64);
  }

  @Test
  void whatWasChangedIsReplaced() throws Exception {
    Path file = GuestBinary.extract(PROGRAM, cache);
    byte[] changed = PROGRAM.clone();
    changed[12] ^= 1;
    Files.write(file, changed);

    assertThat(GuestBinary.extract(PROGRAM, cache)).isEqualTo(file).hasBinaryContent(PROGRAM);

    Files.delete(file);
    Files.createSymbolicLink(file, Path.of("/bin/true"));
    assertThat(GuestBinary.extract(PROGRAM, cache)).hasBinaryContent(PROGRAM);
    assertThat(Files.isSymbolicLink(file)).isFalse();
  }

  @Test
  void manyAtOnceLeaveOneWholeFile() throws Exception {
    List<Callable<Path>> tasks = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      tasks.add(() -> GuestBinary.extract(PROGRAM, cache));
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Path> file : threads.invokeAll(tasks)) {
        assertThat(file.get()).hasBinaryContent(PROGRAM);
      }
    }
    try (Stream<Path> files = Files.walk(cache).filter(Files::isRegularFile)) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  void theRealOneRunsHere() throws Exception {
    Path guest = GuestBinary.in(cache);

    assertThat(HostCommand.of(guest.toString(), "version").run().ok()).isTrue();
    assertThat(GuestBinary.in(cache)).isEqualTo(guest);
  }
}
