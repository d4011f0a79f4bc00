package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.Transfer;
import dev.berth.TransferException;
import dev.berth.spi.SandboxProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Single files into the sandbox and out of it: whole, with modes and times, to where they were
 * meant to go.
 */
public interface TransferContract extends ContractSubject {
  @Test
  default void filesOfAnySizeComeBackTheSame(Sandbox sandbox, @TempDir Path host) throws Exception {
    for (String parent : parents()) {
      try (RemoteFolder folder = RemoteFolder.below(sandbox, parent)) {
        for (int size : new int[] {0, 1, 1000, 65_535, 65_536, 65_537, 3_000_001}) {
          byte[] bytes = TestFiles.bytes(size);
          Path source = Files.write(host.resolve("source"), bytes);

          Transfer up = sandbox.upload(source, folder.path("there"));
          assertThat(Shell.text(sandbox, "sha256sum < " + folder.path("there")))
              .startsWith(TestFiles.sha256(bytes));
          Transfer down = sandbox.download(folder.path("there"), host.resolve("back"));

          assertThat(Files.readAllBytes(host.resolve("back"))).isEqualTo(bytes);
          for (Transfer transfer : List.of(up, down)) {
            assertThat(transfer.files()).isEqualTo(1);
            assertThat(transfer.bytes()).isEqualTo(size);
            assertThat(transfer.skipped()).isEmpty();
          }
        }
      }
    }
  }

  @Test
  default void aHundredMebibytesComeBackTheSame(Sandbox sandbox, @TempDir Path host)
      throws Exception {
    String sum = TestFiles.write(host.resolve("source"), 100);
    for (String parent : parents()) {
      try (RemoteFolder folder = RemoteFolder.below(sandbox, parent)) {
        sandbox.upload(host.resolve("source"), folder.path("there"));
        assertThat(Shell.text(sandbox, "sha256sum < " + folder.path("there"))).startsWith(sum);

        sandbox.download(folder.path("there"), host.resolve("back"));
        assertThat(TestFiles.sha256(host.resolve("back"))).isEqualTo(sum);
      }
    }
  }

  @Test
  default void modesAndTimesAreKept(Sandbox sandbox, @TempDir Path host) throws Exception {
    Instant time = Instant.parse("2001-02-03T04:05:06Z");
    for (String parent : parents()) {
      try (RemoteFolder folder = RemoteFolder.below(sandbox, parent)) {
        for (String mode : List.of("rwxr-xr-x", "rw-------", "r--r--r--", "rw-rw-rw-")) {
          Path source = Files.writeString(host.resolve("source"), mode);
          Files.setPosixFilePermissions(source, PosixFilePermissions.fromString(mode));
          Files.setLastModifiedTime(source, FileTime.from(time));

          sandbox.upload(source, folder.path("there"));
          assertThat(Shell.text(sandbox, "stat -c '%A %Y' " + folder.path("there")))
              .isEqualTo("-" + mode + " " + time.getEpochSecond());
          sandbox.download(folder.path("there"), host.resolve("back"));

          assertThat(Files.getPosixFilePermissions(host.resolve("back")))
              .isEqualTo(PosixFilePermissions.fromString(mode));
          assertThat(Files.getLastModifiedTime(host.resolve("back")).toInstant().getEpochSecond())
              .isEqualTo(time.getEpochSecond());
          Files.delete(source);
        }
      }
    }
  }

  @Test
  default void whatIsUploadedBelongsToTheDefaultUser(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    sandbox.upload(Files.writeString(host.resolve("source"), "x"), folder.path("there"));

    assertThat(Shell.text(sandbox, "stat -c %u " + folder.path("there")))
        .isEqualTo(Shell.text(sandbox, "id -u"));
  }

  @Test
  default void anExistingFolderTakesTheCopyUnderItsOwnName(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path source = Files.writeString(host.resolve("name.txt"), "text");
    Shell.text(sandbox, "mkdir " + folder.path("existing"));
    Path existing = Files.createDirectory(host.resolve("existing"));
    Path link = Files.createSymbolicLink(host.resolve("link"), existing);

    sandbox.upload(source, folder.path("existing"));
    assertThat(Shell.text(sandbox, "cat " + folder.path("existing/name.txt"))).isEqualTo("text");
    sandbox.download(folder.path("existing/name.txt"), existing);
    assertThat(TestFiles.text(existing.resolve("name.txt"))).isEqualTo("text");
    Files.delete(existing.resolve("name.txt"));
    sandbox.download(folder.path("existing/name.txt"), link);

    assertThat(TestFiles.text(existing.resolve("name.txt"))).isEqualTo("text");
    assertThat(link).isSymbolicLink();
  }

  @Test
  default void anExistingFileIsReplaced(Sandbox sandbox, RemoteFolder folder, @TempDir Path host)
      throws Exception {
    Shell.text(
        sandbox,
        "echo a much longer old text > "
            + folder.path("there")
            + "; chmod 444 "
            + folder.path("there"));
    Path back = Files.writeString(host.resolve("back"), "an old text that is longer");

    sandbox.upload(Files.writeString(host.resolve("source"), "new"), folder.path("there"));
    assertThat(Shell.text(sandbox, "cat " + folder.path("there"))).isEqualTo("new");
    sandbox.download(folder.path("there"), back);

    assertThat(TestFiles.text(back)).isEqualTo("new");
  }

  @Test
  default void aMissingSourceIsNamed(Sandbox sandbox, RemoteFolder folder, @TempDir Path host) {
    assertThatThrownBy(() -> sandbox.upload(host.resolve("contract-missing"), folder.path("x")))
        .isInstanceOfAny(TransferException.class, RequestException.class)
        .hasMessageContaining("contract-missing");
    assertThatThrownBy(() -> sandbox.download(folder.path("contract-missing"), host.resolve("x")))
        .isInstanceOfAny(TransferException.class, RequestException.class)
        .hasMessageContaining("contract-missing");
    assertThat(host.resolve("x")).doesNotExist();
  }

  @Test
  default void aMissingFolderOfTheDestinationIsMadeOrNamed(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path source = Files.writeString(host.resolve("source"), "deep");
    String there = folder.path("contract-one/two/there");
    try {
      sandbox.upload(source, there);
      assertThat(Shell.text(sandbox, "cat " + there)).isEqualTo("deep");
    } catch (TransferException | RequestException refused) {
      assertThat(refused).hasMessageContaining("contract-one");
    }
  }

  @Test
  default void aRelativePathIsMeantBelowTheWorkingDirectory(
      SandboxProvider provider, @TempDir Path host) throws Exception {
    Path source = Files.writeString(host.resolve("source"), "relative");
    try (Sandbox sandbox = provider.create(spec().toBuilder().workdir("/tmp").build());
        RemoteFolder folder = RemoteFolder.in(sandbox)) {
      String relative = folder.path("there").substring("/tmp/".length());

      assertThat(Shell.text(sandbox, "pwd")).isEqualTo("/tmp");
      sandbox.upload(source, relative);
      assertThat(Shell.text(sandbox, "cat " + folder.path("there"))).isEqualTo("relative");
      sandbox.download(relative, host.resolve("back"));
      assertThat(TestFiles.text(host.resolve("back"))).isEqualTo("relative");
    }
  }

  @Test
  default void transfersRunSideBySideWithCommands(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path source = host.resolve("source");
    String sum = TestFiles.write(source, 4);
    List<Future<String>> transfers = new ArrayList<>();
    try (SandboxProcess busy = sandbox.start(dev.berth.Command.of("sleep", "60"));
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 8; i++) {
        String name = "file" + i;
        transfers.add(
            threads.submit(() -> {
              sandbox.upload(source, folder.path(name));
              sandbox
                  .exec("mv " + folder.path(name) + " " + folder.path(name + ".moved"))
                  .orThrow();
              sandbox.download(folder.path(name + ".moved"), host.resolve(name));
              return TestFiles.sha256(host.resolve(name));
            }));
      }
      for (Future<String> transfer : transfers) {
        assertThat(transfer.get(100, TimeUnit.SECONDS)).isEqualTo(sum);
      }
      assertThat(busy.isAlive()).isTrue();
    }
  }

  /**
   * Where transfers are tried: anywhere in the sandbox, and in the folder that the provider shares
   * with the host.
   */
  private List<String> parents() {
    List<String> parents = new ArrayList<>(List.of("/tmp"));
    mountPoint().ifPresent(parents::add);
    return parents;
  }
}
