package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.Transfer;
import dev.berth.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Files and folders through the real guest, with somebody who changes them meanwhile. */
@Timeout(120)
final class TransfersIT {
  @TempDir Path folder;
  private GuestSandbox sandbox;
  private Path here;
  private Path there;

  @BeforeEach
  void start() throws Exception {
    sandbox = RealGuest.sandbox(folder);
    here = Files.createDirectory(folder.resolve("here"));
    there = Files.createDirectory(folder.resolve("there"));
  }

  @AfterEach
  void stop() {
    sandbox.stop();
  }

  @Test
  void filesOfAllSizesWithModeAndTime() throws Exception {
    for (int size : new int[] {0, 1, 1024, 32768, 32769, 65536, 300_000, 20 << 20}) {
      byte[] data = new byte[size];
      new Random(size).nextBytes(data);
      Path local = here.resolve("f" + size);
      Files.write(local, data);
      Files.setPosixFilePermissions(local, PosixFilePermissions.fromString("rwxr-x--x"));
      Files.setLastModifiedTime(local, FileTime.from(Instant.ofEpochSecond(1_000_000_000, 5000)));
      Path remote = there.resolve("f" + size);
      assertThat(sandbox.upload(local, remote.toString()).bytes()).isEqualTo(size);
      assertThat(Files.mismatch(local, remote)).isEqualTo(-1);
      same(local, remote);
      Path back = here.resolve("back" + size);
      assertThat(sandbox.download(remote.toString(), back).bytes()).isEqualTo(size);
      assertThat(Files.mismatch(local, back)).isEqualTo(-1);
      same(local, back);
    }
  }

  private static void same(Path a, Path b) throws IOException {
    assertThat(Files.getAttribute(b, "unix:mode", LinkOption.NOFOLLOW_LINKS))
        .isEqualTo(Files.getAttribute(a, "unix:mode", LinkOption.NOFOLLOW_LINKS));
    assertThat(Files.getLastModifiedTime(b)).isEqualTo(Files.getLastModifiedTime(a));
  }

  @Test
  void foldersWithAllThatCanBeInThem() throws Exception {
    sandbox
        .exec(
            "cd "
                + there
                + "; mkdir -p t/sub/empty; cd t; echo 1 >'a b'; ln -s ../gone l; ln -s /etc abs;"
                + " mkfifo p; echo 2 >sub/f; touch \"$(printf 'bad\\377\\nname')\";"
                + " chmod 500 sub/empty; chmod 4755 sub/f; chmod 1751 sub")
        .orThrow();
    Transfer down = sandbox.download(there + "/t", here);
    assertThat(down.skipped()).containsExactly("p");
    assertThat(down.files()).isEqualTo(3);
    assertThat(down.symlinks()).isEqualTo(2);
    // Set-user-id is not taken over on the host.
    assertThat(Files.getAttribute(here.resolve("t/sub/f"), "unix:mode")).isEqualTo(0100755);
    assertThat(Files.getAttribute(here.resolve("t/sub"), "unix:mode")).isEqualTo(041751);
    assertThat(Files.readSymbolicLink(here.resolve("t/l"))).hasToString("../gone");
    Transfer up = sandbox.upload(here.resolve("t"), there + "/u");
    assertThat(up.files()).isEqualTo(3);
    sandbox.exec("cd " + there + "; rm t/p; diff -r --no-dereference t u").orThrow();
    // Again, over what is there.
    assertThat(sandbox.download(there + "/t", here).files()).isEqualTo(3);
    assertThat(sandbox.upload(here.resolve("t"), there.toString()).files()).isEqualTo(3);
  }

  @Test
  void namesAndPlaces() throws Exception {
    Path file = Files.writeString(here.resolve("f"), "x");
    sandbox.upload(file, there.toString());
    assertThat(there.resolve("f")).hasContent("x");
    sandbox.upload(file, "below-the-working-folder");
    assertThat(folder.resolve("below-the-working-folder")).hasContent("x");
    Files.createSymbolicLink(here.resolve("link"), file);
    sandbox.upload(here.resolve("link"), there + "/followed");
    assertThat(there.resolve("followed")).isRegularFile().hasContent("x");
    Files.createSymbolicLink(there.resolve("link"), there.resolve("f"));
    sandbox.download(there + "/link", here.resolve("followed"));
    assertThat(Files.isSymbolicLink(here.resolve("followed"))).isFalse();
    // A link in the way is replaced, not followed.
    Path precious = Files.writeString(folder.resolve("precious"), "keep");
    Files.createSymbolicLink(here.resolve("planted"), precious);
    sandbox.download(there + "/f", here.resolve("planted"));
    assertThat(precious).hasContent("keep");
    assertThat(here.resolve("planted")).hasContent("x");
  }

  @Test
  void errorsSayWhatAndWhereAndLeaveNothing() throws Exception {
    Path file = Files.writeString(here.resolve("f"), "x");
    refused(() -> sandbox.download("/no/such", here), "/no/such", "No such file");
    refused(() -> sandbox.upload(here.resolve("none"), "/tmp"), "none", "No such file");
    refused(() -> sandbox.upload(file, "/no/such/folder/f"), "No such file", "sandbox");
    refused(() -> sandbox.upload(file, "/proc/version"), "sandbox", "");
    refused(() -> sandbox.download("/dev/null", here), "null", "neither");
    refused(() -> sandbox.download(file.toString(), Path.of("/no/such/f")), "Make it", "host");
    Files.createDirectory(here.resolve("way"));
    Files.createDirectories(there.resolve("dir/way"));
    refused(() -> sandbox.upload(file, there + "/dir/way/f/g"), "", "");
    Files.createDirectories(here.resolve("dir/f"));
    Files.createDirectory(there.resolve("dir2"));
    Files.writeString(there.resolve("dir2/f"), "x");
    Files.move(there.resolve("dir2"), there.resolve("dir3"));
    Files.move(here.resolve("dir"), here.resolve("dir3"));
    refused(() -> sandbox.download(there + "/dir3", here), "'f' on the host", "");
    try (var names = Files.list(here.resolve("dir3"))) {
      assertThat(names).hasSize(1);
    }
    assertThatThrownBy(() -> sandbox.upload(file, "")).isInstanceOf(RequestException.class);
  }

  private interface Call {
    void run() throws InterruptedException;
  }

  private static void refused(Call call, String first, String second) {
    assertThatThrownBy(call::run)
        .isInstanceOf(TransferException.class)
        .hasMessageContaining(first)
        .hasMessageContaining(second);
  }

  @Test
  void foldersSwappedForLinksLeadNowhereElse() throws Exception {
    Path secret = Files.createDirectory(folder.resolve("secret"));
    Files.writeString(secret.resolve("f"), "secret");
    Path shared = Files.createDirectories(folder.resolve("shared/d"));
    Files.writeString(shared.resolve("f"), "open");
    // The same names, so that a wrong turn would read or write the secret.
    AtomicBoolean done = new AtomicBoolean();
    Thread swapper =
        Thread.ofPlatform()
            .start(() -> {
              Path aside = folder.resolve("aside");
              while (!done.get()) {
                try {
                  Files.move(shared, aside);
                  Files.createSymbolicLink(shared, secret);
                  Files.delete(shared);
                  Files.move(aside, shared);
                } catch (IOException e) {
                  // A download has made the folder meanwhile: make way for the next round.
                  clear(shared);
                  quietly(() -> Files.move(aside, shared));
                }
              }
            });
    Path source = Files.createDirectories(folder.resolve("source/shared/d"));
    Files.writeString(source.resolve("f"), "new");
    try {
      for (int i = 0; i < 300; i++) {
        Path copy = there.resolve("copy" + i);
        try {
          sandbox.upload(folder.resolve("shared"), copy.toString());
        } catch (SandboxException e) {
          assertThat(e).isInstanceOf(TransferException.class);
        }
        Path read = copy.resolve("d/f");
        if (Files.exists(read, LinkOption.NOFOLLOW_LINKS)
            && !Files.isSymbolicLink(copy.resolve("d"))) {
          assertThat(read).content().isNotEqualTo("secret");
        }
        try {
          sandbox.download(folder + "/source/shared", folder);
        } catch (SandboxException e) {
          assertThat(e).isInstanceOf(TransferException.class);
        }
        assertThat(secret.resolve("f")).hasContent("secret");
        assertThat(secret).isDirectoryNotContaining(p -> !p.endsWith("f"));
      }
    } finally {
      done.set(true);
      swapper.join();
    }
  }

  private static void clear(Path path) {
    quietly(() -> Files.deleteIfExists(path.resolve("f")));
    quietly(() -> Files.deleteIfExists(path));
  }

  private interface Step {
    void run() throws IOException;
  }

  private static void quietly(Step step) {
    try {
      step.run();
    } catch (IOException e) {
      // The race was lost this time.
    }
  }

  @Test
  void aFifoPutInAFilesPlaceHoldsNobodyUp() throws Exception {
    Path fifo = here.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    refused(() -> sandbox.upload(fifo, there.toString()), "neither", "");
    // What an unlucky swap between look and open comes to.
    assertThatThrownBy(() ->
            Descriptors.openBounded(() ->
                java.nio.channels.FileChannel.open(fifo, java.nio.file.StandardOpenOption.READ)))
        .hasMessageContaining("could not be opened within");
    // The opener is let go, for order's sake.
    java.nio.channels.FileChannel.open(fifo, java.nio.file.StandardOpenOption.WRITE).close();
  }

  @Test
  void aFileThatGrowsShrinksOrVanishes() throws Exception {
    Path tree = Files.createDirectory(here.resolve("tree"));
    Path file = tree.resolve("f");
    AtomicBoolean done = new AtomicBoolean();
    Thread changer =
        Thread.ofPlatform()
            .start(() -> {
              Random random = new Random(3);
              while (!done.get()) {
                quietly(() -> Files.write(file, new byte[random.nextInt(400_000)]));
                quietly(() -> Files.deleteIfExists(file));
              }
            });
    try {
      for (int i = 0; i < 100; i++) {
        try {
          sandbox.upload(tree, there + "/t" + i);
        } catch (TransferException e) {
          assertThat(e).hasMessageContaining("shorter");
        }
      }
    } finally {
      done.set(true);
      changer.join();
    }
    assertThat(sandbox.exec("echo on").stdout()).isEqualTo("on\n");
  }

  @Test
  void anInterruptEndsATransfer() throws Exception {
    Path big = here.resolve("big");
    try (var file = new java.io.RandomAccessFile(big.toFile(), "rw")) {
      file.setLength(1L << 36);
    }
    AtomicBoolean interrupted = new AtomicBoolean();
    Path copy = there.resolve("copy");
    Thread caller =
        Thread.ofPlatform()
            .start(() -> {
              try {
                sandbox.upload(big, copy.toString());
              } catch (InterruptedException e) {
                interrupted.set(true);
              }
            });
    await().pollInterval(Duration.ofMillis(5)).until(() -> isBegun(there));
    caller.interrupt();
    assertThat(caller.join(Duration.ofSeconds(10))).isTrue();
    assertThat(interrupted).isTrue();
    assertThat(sandbox.exec("echo on").stdout()).isEqualTo("on\n");
  }

  private static boolean isBegun(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.findAny().isPresent();
    }
  }
}
