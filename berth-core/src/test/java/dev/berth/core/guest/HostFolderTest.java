package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostFolderTest {
  private static final int THREADS = 8;
  private static final int ROUNDS = 100;

  /**
   * Descriptors' numbers are used again at once; nobody may write by a number that is another's.
   */
  @Test
  void manyThreadsInTwoFoldersEachWriteInTheirOwn(@TempDir Path root) throws Exception {
    List<Path> folders = List.of(root.resolve("a"), root.resolve("b"));
    for (Path folder : folders) {
      Files.createDirectory(folder);
    }
    List<Future<?>> all = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      for (int thread = 0; thread < THREADS; thread++) {
        int number = thread;
        all.add(
            threads.submit(() -> {
              for (int round = 0; round < ROUNDS; round++) {
                write(folders.get(round % 2), number + "." + round);
              }
              return null;
            }));
      }
      for (Future<?> one : all) {
        one.get(60, TimeUnit.SECONDS);
      }
    }
    for (int thread = 0; thread < THREADS; thread++) {
      for (int round = 0; round < ROUNDS; round++) {
        Path made = folders.get(round % 2).resolve(thread + "." + round);
        assertThat(made.resolve("file")).isRegularFile();
        assertThat(Files.getLastModifiedTime(made.resolve("file")).toMillis()).isEqualTo(1000);
      }
    }
  }

  private static void write(Path folder, String name) throws Exception {
    try (HostFolder outer = HostFolder.open(folder)) {
      outer.createFolder(Path.of(name));
      try (HostFolder inner = outer.enter(Path.of(name));
          FileChannel file = inner.createFile(Path.of("file"))) {
        assertThat(file.isOpen()).isTrue();
        inner.finishFile(Path.of("file"), 0640, FileTime.fromMillis(1000));
      }
    }
  }
}
