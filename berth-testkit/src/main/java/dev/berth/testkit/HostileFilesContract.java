package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files that mean harm: whatever stands in the sandbox, nothing is read or written outside of what
 * was asked for.
 */
public interface HostileFilesContract extends ContractSubject {
  /** What must never come out of the canary folder. */
  String SECRET = "contract-canary-secret";

  @Test
  default void aFolderSwappedForALinkDuringDownloadsLeadsNowhere(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path canary = canary(host);
    int complete = 0;
    try (SandboxProcess swapping = sandbox.start(swap(folder, canary))) {
      assertThat(swapping.stdout().readNBytes(6)).asString().isEqualTo("ready\n");
      // Some must get through, or nothing was tried; how many fail is the swapper's luck.
      for (int i = 0; i < 50 || complete == 0 && i < 5000; i++) {
        Path back = host.resolve("back" + i);
        try {
          sandbox.download(folder.path("tree"), back);
          complete++;
        } catch (TransferException changedMeanwhile) {
          assertThat(changedMeanwhile).hasMessageMatching("(?s).+");
        }
        assertNoSecretIn(back);
      }
      assertThat(swapping.isAlive()).isTrue();
    }
    assertThat(complete).isPositive();
    assertUntouched(canary);
  }

  @Test
  default void aFolderSwappedForALinkDuringUploadsLeadsNowhere(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path canary = canary(host);
    Path tree = Files.createDirectories(host.resolve("tree/sub"));
    Files.writeString(tree.resolve("planted"), "from the test");
    int complete = 0;
    try (SandboxProcess swapping = sandbox.start(swap(folder, canary))) {
      assertThat(swapping.stdout().readNBytes(6)).asString().isEqualTo("ready\n");
      // Some must get through, or nothing was tried; how many fail is the swapper's luck.
      for (int i = 0; i < 50 || complete == 0 && i < 5000; i++) {
        try {
          sandbox.upload(host.resolve("tree"), folder.path());
          complete++;
        } catch (TransferException changedMeanwhile) {
          assertThat(changedMeanwhile).hasMessageMatching("(?s).+");
        }
      }
      assertThat(swapping.isAlive()).isTrue();
    }
    assertThat(complete).isPositive();
    assertUntouched(canary);
  }

  @Test
  default void aLinkBelowTheDestinationIsNotFollowed(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path canary = canary(host);
    Shell.text(
        sandbox,
        "cd "
            + folder.path()
            + " && mkdir -p tree/sub && echo x > tree/sub/planted && echo x > tree/file");
    Path back = Files.createDirectories(host.resolve("back/tree"));
    Files.createSymbolicLink(back.resolve("sub"), canary);
    Files.createSymbolicLink(back.resolve("file"), canary.resolve("secret"));

    try {
      sandbox.download(folder.path("tree"), host.resolve("back"));
    } catch (TransferException inTheWay) {
      assertThat(inTheWay).hasMessageMatching("(?s).+");
    }
    assertUntouched(canary);
  }

  @Test
  default void aLinkPlantedBelowAnUploadIsNotFollowed(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    String outside = folder.path("outside");
    Shell.text(
        sandbox,
        "cd "
            + folder.path()
            + " && mkdir outside tree && echo kept > outside/file && ln -s ../outside tree/sub && ln -s ../outside/file tree/file");
    Path tree = Files.createDirectories(host.resolve("tree/sub"));
    Files.writeString(tree.resolve("planted"), "x");
    Files.writeString(host.resolve("tree/file"), "replaced");

    try {
      sandbox.upload(host.resolve("tree"), folder.path());
    } catch (TransferException inTheWay) {
      assertThat(inTheWay).hasMessageMatching("(?s).+");
    }
    assertThat(Shell.text(sandbox, "ls " + outside + "; cat " + outside + "/file"))
        .isEqualTo("file\nkept");
  }

  @Test
  default void namesThatLookLikePathsStayNames(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    List<String> names =
        List.of("..\n..", "...", "..\\x", "-", "a\nb", "C:x", "%2e%2e%2f", "\u001b[2J");
    Shell.text(sandbox, "mkdir " + folder.path("tree"));
    for (String name : names) {
      Shell.text(
          sandbox,
          Command.of("/bin/sh", "-c", "echo x > \"$1\"", "sh", folder.path("tree/" + name)));
    }
    Files.createDirectory(host.resolve("into"));

    sandbox.download(folder.path("tree"), host.resolve("into"));

    try (var files = Files.list(host.resolve("into/tree"))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrderElementsOf(names);
    }
    try (var files = Files.list(host)) {
      assertThat(files).containsExactly(host.resolve("into"));
    }
  }

  @Test
  default void namesThatAreNoTextNeverHangOrEscape(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Shell.text(
        sandbox,
        "mkdir "
            + folder.path("tree")
            + " && cd "
            + folder.path("tree")
            + " && echo x > \"$(printf 'bad\\377\\376name')\"");
    try {
      assertThat(sandbox.download(folder.path("tree"), host.resolve("back")).files())
          .isLessThanOrEqualTo(1);
    } catch (TransferException | RequestException refused) {
      assertThat(refused).hasMessageContaining("name");
    }
    assertThat(sandbox.isRunning()).isTrue();
    new ProcessBuilder("rm", "-rf", host.resolve("back").toString()).start().waitFor();
  }

  @Test
  default void aBottomlessFolderIsRefusedWithoutHarm(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    // 300 levels are more than a transfer goes down.
    Shell.text(
        sandbox,
        "cd "
            + folder.path()
            + " && mkdir deep && cd deep && i=0; while [ $i -lt 300 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done");

    assertThatThrownBy(() -> sandbox.download(folder.path("deep"), host.resolve("back")))
        .isInstanceOf(TransferException.class);
    assertThat(sandbox.isRunning()).isTrue();
    new ProcessBuilder("rm", "-rf", host.resolve("back").toString()).start().waitFor();
  }

  /** A folder with a secret, outside of everything that is transferred. */
  private static Path canary(Path host) throws IOException {
    Path canary = Files.createDirectory(host.resolve("canary"));
    Files.writeString(canary.resolve("secret"), SECRET);
    return canary;
  }

  /**
   * A command that swaps {@code tree/sub} between a folder and a link to the canary as fast as it
   * can, for a minute at most.
   */
  private static Command swap(RemoteFolder folder, Path canary) {
    String line =
        """
        cd "$1" || exit 1
        again() { rm -rf tree kept link; mkdir -p tree/sub; echo plain > tree/sub/file; ln -s "$1" link; }
        again "$2"
        echo ready
        i=0
        while [ $i -lt 20000 ] && [ -d "$1" ]; do
          mv -T tree/sub kept && mv -T link tree/sub && mv -T tree/sub link && mv -T kept tree/sub || again "$2"
          i=$((i+1))
        done 2>/dev/null
        sleep 60
        """;
    return Command.of("/bin/sh", "-c", line, "sh", folder.path(), canary.toString());
  }

  private static void assertUntouched(Path canary) throws IOException {
    try (var files = Files.list(canary)) {
      assertThat(files).containsExactly(canary.resolve("secret"));
    }
    assertThat(TestFiles.text(canary.resolve("secret"))).isEqualTo(SECRET);
  }

  private static void assertNoSecretIn(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (var files = Files.walk(folder)) {
        for (Path file :
            files
                .filter(f -> Files.isRegularFile(f, java.nio.file.LinkOption.NOFOLLOW_LINKS))
                .toList()) {
          assertThat(TestFiles.text(file)).doesNotContain(SECRET);
        }
      }
    }
  }
}
