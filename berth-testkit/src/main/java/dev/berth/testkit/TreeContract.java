package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.Transfer;
import dev.berth.TransferException;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders into the sandbox and out of it: with everything that is in them, and nothing else. */
public interface TreeContract extends ContractSubject {
  @Test
  default void aDeepFolderOfManyFilesComesBackTheSame(Sandbox sandbox, @TempDir Path host)
      throws Exception {
    List<String> parents = new ArrayList<>(List.of("/tmp"));
    mountPoint().ifPresent(parents::add);
    Path deep = host.resolve("tree");
    for (int depth = 0; depth < 25; depth++) {
      Files.createDirectories(deep);
      for (int i = 0; i < 20; i++) {
        Files.writeString(deep.resolve("file" + i), depth + " " + i);
      }
      deep = deep.resolve("folder");
    }
    for (String parent : parents) {
      try (RemoteFolder folder = RemoteFolder.below(sandbox, parent)) {
        Path back = Files.createDirectory(host.resolve("back" + parents.indexOf(parent)));

        Transfer up = sandbox.upload(host.resolve("tree"), folder.path("copy"));
        Transfer down = sandbox.download(folder.path("copy"), back);

        assertThat(up.files()).isEqualTo(500);
        assertThat(down.files()).isEqualTo(500);
        assertThat(down.folders()).isEqualTo(25);
        Path at = back.resolve("copy");
        for (int depth = 0; depth < 25; depth++) {
          for (int i = 0; i < 20; i++) {
            assertThat(TestFiles.text(at.resolve("file" + i))).isEqualTo(depth + " " + i);
          }
          at = at.resolve("folder");
        }
      }
    }
  }

  @Test
  default void aFolderGoesUnderANewNameOrIntoAnExistingFolder(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path tree = Files.createDirectory(host.resolve("tree"));
    Files.writeString(tree.resolve("file"), "x");

    sandbox.upload(tree, folder.path("new"));
    sandbox.upload(tree, folder.path("new"));
    assertThat(Shell.text(sandbox, "cd " + folder.path("new") + " && echo * tree/*"))
        .isEqualTo("file tree tree/file");
    sandbox.download(folder.path("new/tree"), host.resolve("back"));
    sandbox.download(folder.path("new/tree"), host.resolve("back"));

    assertThat(names(host.resolve("back"))).containsExactly("file", "tree");
    assertThat(names(host.resolve("back/tree"))).containsExactly("file");
  }

  @Test
  default void emptyFoldersAndModesOfFoldersAreKept(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path tree = Files.createDirectory(host.resolve("tree"));
    Path closed = Files.createDirectory(tree.resolve("closed"));
    Files.writeString(closed.resolve("file"), "x");
    Files.createDirectory(tree.resolve("empty"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-x------"));

    sandbox.upload(tree, folder.path("copy"));
    assertThat(Shell.text(sandbox, "stat -c %a " + folder.path("copy/closed"))).isEqualTo("500");
    sandbox.download(folder.path("copy"), host.resolve("back"));

    assertThat(Files.getPosixFilePermissions(host.resolve("back/closed")))
        .isEqualTo(PosixFilePermissions.fromString("r-x------"));
    assertThat(host.resolve("back/empty")).isEmptyDirectory();
    for (String writable : List.of("tree/closed", "back/closed")) {
      Files.setPosixFilePermissions(
          host.resolve(writable), PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  default void symlinksStaySymlinks(Sandbox sandbox, RemoteFolder folder, @TempDir Path host)
      throws Exception {
    Path tree = Files.createDirectory(host.resolve("tree"));
    Files.writeString(tree.resolve("file"), "x");
    List<String> targets =
        List.of("file", "contract/dangling", "/etc/passwd", "../../../../etc/passwd", ".", "..");
    for (String target : targets) {
      Files.createSymbolicLink(tree.resolve("link" + targets.indexOf(target)), Path.of(target));
    }

    Transfer up = sandbox.upload(tree, folder.path("copy"));
    Transfer down = sandbox.download(folder.path("copy"), host.resolve("back"));

    assertThat(up.symlinks()).isEqualTo(targets.size());
    assertThat(down.symlinks()).isEqualTo(targets.size());
    for (String target : targets) {
      String name = "link" + targets.indexOf(target);
      assertThat(Shell.text(sandbox, "readlink " + folder.path("copy/" + name))).isEqualTo(target);
      assertThat(Files.readSymbolicLink(host.resolve("back").resolve(name))).hasToString(target);
    }
  }

  @Test
  default void oddNamesAreKept(Sandbox sandbox, RemoteFolder folder, @TempDir Path host)
      throws Exception {
    Path tree = Files.createDirectory(host.resolve("tree"));
    List<String> names =
        new ArrayList<>(
            List.of(
                "two words",
                "line\nbreak",
                "-rf",
                "...",
                "..x",
                "*",
                "$HOME",
                "'",
                "\"",
                "\\",
                "a".repeat(255),
                "tab\t"));
    if (Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"))
        .newEncoder()
        .canEncode("ü→")) {
      names.add("ü→");
    }
    for (String name : names) {
      Files.writeString(tree.resolve(name), name);
    }

    sandbox.upload(tree, folder.path("copy"));
    sandbox.download(folder.path("copy"), host.resolve("back"));

    assertThat(names(host.resolve("back"))).containsExactlyInAnyOrderElementsOf(names);
    for (String name : names) {
      assertThat(TestFiles.text(host.resolve("back").resolve(name))).isEqualTo(name);
    }
  }

  @Test
  default void oddRemotePathsAreMeantAsTheyAre(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Path source = Files.writeString(host.resolve("source"), "odd");
    for (String name : List.of("two words", "line\nbreak", "-rf", "ünï→😀", "$(id)")) {
      sandbox.upload(source, folder.path(name));
      sandbox.download(folder.path(name), host.resolve("back"));

      assertThat(TestFiles.text(host.resolve("back"))).isEqualTo("odd");
      assertThat(Shell.text(sandbox, "cat -- " + Shell.quote(folder.path(name)))).isEqualTo("odd");
      Files.delete(host.resolve("back"));
    }
  }

  @Test
  default void pipesAndDevicesAreLeftOutByNameAndNeverHang(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Shell.text(
        sandbox,
        "cd " + folder.path() + " && mkdir -p t/sub && mkfifo t/sub/pipe && echo x > t/file");

    Transfer down = sandbox.download(folder.path("t"), host.resolve("back"));
    assertThat(down.skipped()).containsExactly("sub/pipe");
    assertThat(names(host.resolve("back"))).containsExactly("file", "sub");
    assertThat(host.resolve("back/sub")).isEmptyDirectory();

    Path tree = Files.createDirectory(host.resolve("tree"));
    assertThat(new ProcessBuilder("mkfifo", tree.resolve("pipe").toString()).start().waitFor())
        .isZero();
    assertThat(sandbox.upload(tree, folder.path("up")).skipped()).containsExactly("pipe");
    for (String special : List.of(folder.path("t/sub/pipe"), "/dev/zero")) {
      try {
        assertThat(sandbox.download(special, host.resolve("special")).skipped()).hasSize(1);
      } catch (TransferException | RequestException refused) {
        assertThat(refused).hasMessageContaining(special);
      }
      assertThat(host.resolve("special")).doesNotExist();
    }
  }

  @Test
  default void aFileInTheWayOfAFolderIsAnErrorThatNamesIt(
      Sandbox sandbox, RemoteFolder folder, @TempDir Path host) throws Exception {
    Files.createDirectory(host.resolve("tree"));
    Files.writeString(host.resolve("tree/file"), "x");
    Shell.text(sandbox, "echo kept > " + folder.path("contract-in-the-way"));

    assertThatThrownBy(
            () -> sandbox.upload(host.resolve("tree"), folder.path("contract-in-the-way")))
        .isInstanceOfAny(TransferException.class, RequestException.class)
        .hasMessageContaining("contract-in-the-way");
    assertThat(Shell.text(sandbox, "cat " + folder.path("contract-in-the-way"))).isEqualTo("kept");
  }

  private static List<String> names(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
