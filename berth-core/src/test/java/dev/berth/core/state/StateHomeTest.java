package dev.berth.core.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.spi.Finding;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateHomeTest {
  @TempDir Path root;

  @Test
  void isWhereTheEnvironmentSays() {
    assertThat(StateHome.of(Map.of("BERTH_STATE_HOME", "/a", "XDG_STATE_HOME", "/b")).root())
        .isEqualTo(Path.of("/a"));
    assertThat(StateHome.of(Map.of("XDG_STATE_HOME", "/b", "HOME", "/h")).root())
        .isEqualTo(Path.of("/b/berth"));
    assertThat(StateHome.of(Map.of("XDG_STATE_HOME", "relative", "HOME", "/h")).root())
        .isEqualTo(Path.of("/h/.local/state/berth"));
    assertThat(CacheHome.of(Map.of("HOME", "/h")).root()).isEqualTo(Path.of("/h/.cache/berth"));
    assertThatThrownBy(() -> StateHome.of(Map.of("BERTH_STATE_HOME", "a")))
        .isInstanceOf(UnsupportedRequestException.class)
        .hasMessageContaining("BERTH_STATE_HOME=a");
  }

  @Test
  void makesAPrivateFolderThatIsOwned() throws Exception {
    StateHome home = StateHome.at(root.resolve("home"));
    SandboxFolder folder = home.create("local");

    assertThat(folder.id()).matches("[a-z2-7]{12}");
    assertThat(StateHome.isId(folder.id())).isTrue();
    for (Path path : new Path[] {home.root(), home.sandboxes(), home.leases(), folder.path()}) {
      assertThat(mode(path)).as(path.toString()).isEqualTo("rwx------");
    }
    assertThat(folder.owned()).isTrue();
    assertThat(folder.record()).isEmpty();
    assertThat(folder.provider()).isEqualTo("local");
    assertThat(home.list()).extracting(SandboxFolder::id).containsExactly(folder.id());
    assertThat(home.find(folder.id()).orElseThrow().owned()).isTrue();
    assertThat(home.find("nothing")).isEmpty();
    assertThat(home.find("../sandboxes")).isEmpty();

    folder.release();
    assertThat(folder.owned()).isFalse();
  }

  @Test
  void subFoldersAreMadeOnDemand() {
    SandboxFolder folder = StateHome.at(root).create("local");

    assertThat(folder.folder("overlay/upper", "rwxr-xr-x")).isDirectory();
    assertThat(mode(folder.path().resolve("overlay"))).isEqualTo("rwx------");
    assertThat(mode(folder.path().resolve("overlay/upper"))).isEqualTo("rwxr-xr-x");
    assertThat(mode(folder.folder("staging"))).isEqualTo("rwx------");
    assertThat(folder.socket()).isEqualTo(folder.path().resolve("guest.sock"));
  }

  @Test
  void deletingLeavesNothing() throws Exception {
    StateHome home = StateHome.at(root);
    SandboxFolder folder = home.create("local");
    Files.writeString(folder.folder("staging").resolve("file"), "x");
    FolderRemoval removal = FolderRemoval.with(new CacheHome(root.resolve("cache")));

    assertThat(folder.delete(removal)).isEmpty();
    assertThat(folder.exists()).isFalse();
    assertThat(home.sandboxes()).isEmptyDirectory();
    assertThat(home.leases()).isEmptyDirectory();
    assertThat(folder.delete(removal)).isEmpty();
  }

  @Test
  void aSocketPathThatDoesNotFitIsRefused() {
    int room = StateHome.LONGEST_SOCKET_PATH - "/sandboxes/abcdefghijkl/guest.sock".length();
    Path fits = root.resolve("x".repeat(room - root.toString().length() - 1));
    Path tooLong = Path.of(fits + "x");

    SandboxFolder folder = StateHome.at(fits).create("local");
    assertThat(folder.socket().toString().getBytes(StandardCharsets.UTF_8))
        .hasSize(StateHome.LONGEST_SOCKET_PATH);
    assertThatThrownBy(() -> StateHome.at(tooLong).create("local"))
        .isInstanceOf(UnsupportedRequestException.class)
        .hasMessageContaining("BERTH_STATE_HOME")
        .hasMessageContaining("at least 1 bytes shorter");
    assertThat(tooLong).doesNotExist();
    assertThat(StateHome.at(tooLong).examine())
        .extracting(Finding::level)
        .containsExactly(Finding.Level.FAILURE);
  }

  @Test
  void doctorIsContentWithALocalFolder() {
    assertThat(StateHome.at(root.resolve("later")).examine())
        .extracting(Finding::level)
        .containsExactly(Finding.Level.OK);
  }

  @Test
  void aRecordIsReplacedInOneStep() throws Exception {
    SandboxFolder folder = StateHome.at(root).create("local");
    SandboxRecord first = SandboxRecord.of(folder.id(), "local", SandboxSpec.of("a"));
    folder.write(first);
    folder.write(first.asDetached());

    assertThat(folder.record()).isEqualTo(Optional.of(first.asDetached()));
    assertThat(mode(folder.path().resolve("record"))).isEqualTo("rw-------");
    assertThat(folder.path().toFile().list()).containsExactlyInAnyOrder("record", "provider");

    Files.writeString(folder.path().resolve("record"), "version=99\n");
    assertThat(folder.record()).isEmpty();
  }

  private static String mode(Path path) {
    try {
      return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
