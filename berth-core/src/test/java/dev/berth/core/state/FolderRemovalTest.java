package dev.berth.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderRemovalTest {
  @TempDir Path root;
  private FolderRemoval removal;

  @BeforeEach
  void make() {
    removal = FolderRemoval.with(new CacheHome(root.resolve("cache")));
  }

  @Test
  void deletesATreeAndFollowsNoLink() throws Exception {
    Path outside = Files.createDirectories(root.resolve("outside/below"));
    Files.writeString(outside.resolve("kept"), "x");
    Path tree = Files.createDirectories(root.resolve("tree/a/b"));
    Files.writeString(tree.resolve("line\nbreak"), "x");
    Files.createSymbolicLink(tree.resolve("folder"), outside);
    Files.createSymbolicLink(tree.resolve("file"), outside.resolve("kept"));
    Files.setPosixFilePermissions(tree, PosixFilePermissions.fromString("---------"));

    assertThat(removal.remove(root.resolve("tree"))).isEmpty();
    assertThat(root.resolve("tree")).doesNotExist();
    assertThat(outside.resolve("kept")).exists();
  }

  @Test
  void aLinkIsDeletedNotItsTarget() throws Exception {
    Path target = Files.createDirectories(root.resolve("target"));
    Path link = Files.createSymbolicLink(root.resolve("link"), target);

    assertThat(removal.remove(link, root.resolve("never there"))).isEmpty();
    assertThat(Files.exists(link, java.nio.file.LinkOption.NOFOLLOW_LINKS)).isFalse();
    assertThat(target).exists();
  }

  @Test
  void goesOnInAnInterruptedThread() throws Exception {
    Path tree = Files.createDirectories(root.resolve("tree"));
    Thread.currentThread().interrupt();

    Optional<String> left = removal.remove(tree);

    assertThat(Thread.interrupted()).isTrue();
    assertThat(left).isEmpty();
    assertThat(tree).doesNotExist();
  }

  @Test
  void whatCannotBeDeletedIsOneLine() {
    FolderRemoval none = new FolderRemoval(() -> Path.of("/bin/false"));

    assertThat(none.remove(root)).hasValueSatisfying(line -> assertThat(line).doesNotContain("\n"));
    assertThat(none.remove(root.resolve("never there"))).isEmpty();
  }
}
