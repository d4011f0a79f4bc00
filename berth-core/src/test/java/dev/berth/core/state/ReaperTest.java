package dev.berth.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.SandboxSpec;
import dev.berth.core.process.ChildJvm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReaperTest {
  @TempDir Path root;
  private StateHome home;
  private Reaper reaper;
  private final Host host = new Host();

  @BeforeEach
  void make() {
    home = StateHome.at(root.resolve("state"));
    reaper = reaperOf(root);
  }

  @Test
  void leavesOwnedAndAnsweringSandboxesAlone() throws Exception {
    SandboxFolder owned = home.create("local");
    SandboxFolder detached = home.create("local");
    SandboxFolder others = home.create("apptainer");
    detached.release();
    others.release();
    host.answering.add(detached.id());

    assertThat(reaper.reap(host)).isEmpty();
    assertThat(home.list()).hasSize(3);
    assertThat(owned.owned()).isTrue();
    assertThat(detached.owned()).isFalse();
    assertThat(host.disposed).isEmpty();
  }

  @Test
  void clearsAwayWhatIsNobodys() throws Exception {
    SandboxFolder orphan = home.create("local");
    orphan.write(SandboxRecord.of(orphan.id(), "local", SandboxSpec.of("x")));
    Files.writeString(orphan.folder("overlay/upper").resolve("file"), "x");
    orphan.release();
    SandboxFolder halfMade = home.create("local");
    halfMade.release();

    assertThat(reaper.reap(host))
        .hasSize(2)
        .allSatisfy(line -> assertThat(line).contains("cleared away (local)"));
    assertThat(host.disposed).containsExactlyInAnyOrder(orphan.id(), halfMade.id());
    assertThat(home.sandboxes()).isEmptyDirectory();
    assertThat(home.leases()).isEmptyDirectory();
    assertThat(reaper.reap(host)).isEmpty();
  }

  @Test
  void clearsAwayWhatAKilledProcessLeft() throws Exception {
    try (ChildJvm other = ChildJvm.of(Creator.class, home.root())) {
      String id = other.line();
      assertThat(reaper.reap(host)).isEmpty();

      other.kill();
      assertThat(reaper.reap(host)).hasSize(1).allMatch(line -> line.startsWith(id));
      assertThat(home.list()).isEmpty();
    }
  }

  @Test
  void aLeaseWithoutAFolderGoes() throws Exception {
    SandboxFolder folder = home.create("local");
    Files.delete(folder.path().resolve("provider"));
    Files.delete(folder.path());
    folder.release();

    assertThat(reaper.reap(host)).isEmpty();
    assertThat(home.leases()).isEmptyDirectory();
  }

  @Test
  void aFolderWithoutALeaseGoes() throws Exception {
    SandboxFolder folder = home.create("local");
    folder.release();
    Files.delete(home.leaseFile(folder.id()).toPath());

    assertThat(reaper.reap(host)).hasSize(1);
    assertThat(home.list()).isEmpty();
    assertThat(home.leases()).isEmptyDirectory();
  }

  @Test
  void aFolderThatIsHardlyBegunGoesWhoeverReaps() throws Exception {
    SandboxFolder folder = home.create("apptainer");
    Files.delete(folder.path().resolve("provider"));
    folder.release();

    assertThat(reaper.reap(host)).containsExactly(folder.id() + ": cleared away (half made)");
    assertThat(host.disposed).isEmpty();
    assertThat(home.list()).isEmpty();
  }

  @Test
  void anotherHostsSandboxIsNotTouched() throws Exception {
    SandboxFolder folder = home.create("local");
    folder.release();
    Files.writeString(home.leaseFile(folder.id()).toPath(), "elsewhere\n");

    assertThat(reaper.reap(host)).isEmpty();
    assertThat(folder.exists()).isTrue();
  }

  @Test
  void whatCannotBeDeletedIsReportedAndTheRestGoesOn() throws Exception {
    home.create("local").release();
    home.create("local").release();
    Reaper helpless = new Reaper(home, new FolderRemoval(() -> Path.of("/bin/false")));

    assertThat(helpless.reap(host))
        .hasSize(2)
        .allSatisfy(line -> assertThat(line).contains("could not be deleted"));
    assertThat(reaper.reap(host)).hasSize(2);
    assertThat(home.list()).isEmpty();
  }

  @Test
  void neverTakesAwayWhatIsBeingMade() throws Exception {
    int creators = 3;
    int each = 60;
    List<ChildJvm> reapers =
        List.of(ChildJvm.of(Reaping.class, root), ChildJvm.of(Reaping.class, root));
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (ChildJvm child : reapers) {
        assertThat(child.line()).isEqualTo("ready");
        child.go();
      }
      List<Future<?>> making = new ArrayList<>();
      for (int i = 0; i < creators; i++) {
        making.add(
            threads.submit(() -> {
              for (int n = 0; n < each; n++) {
                SandboxFolder folder = home.create("local");
                Files.writeString(folder.folder("staging").resolve("file"), "x");
                assertThat(folder.path().resolve("staging/file")).exists();
                reaper.reap(host);
                assertThat(folder.path().resolve("staging/file")).exists();
                assertThat(folder.owned()).isTrue();
                folder.release();
              }
              return null;
            }));
      }
      for (Future<?> task : making) {
        task.get();
      }
      for (ChildJvm child : reapers) {
        child.go();
        assertThat(child.line()).isEqualTo("clean");
        assertThat(child.await()).isZero();
      }
    } finally {
      for (ChildJvm child : reapers) {
        child.close();
      }
    }
    reaper.reap(host);
    assertThat(home.sandboxes()).isEmptyDirectory();
    assertThat(home.leases()).isEmptyDirectory();
  }

  @Test
  void aScanWithNothingToDoIsQuick() throws Exception {
    for (int i = 0; i < 100; i++) {
      home.create("local");
    }
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 50; i++) {
      long start = System.nanoTime();
      reaper.reap(host);
      best = Math.min(best, System.nanoTime() - start);
    }
    assertThat(Duration.ofNanos(best)).isLessThan(Duration.ofMillis(20));
  }

  static Reaper reaperOf(Path root) {
    return new Reaper(
        StateHome.at(root.resolve("state")),
        FolderRemoval.with(new CacheHome(root.resolve("cache"))));
  }

  /** A provider by the name of local, in which those sandboxes live that it is told. */
  static final class Host implements Reaper.Carrier {
    final Set<String> answering = ConcurrentHashMap.newKeySet();
    final Set<String> disposed = ConcurrentHashMap.newKeySet();

    @Override
    public boolean mine(String provider) {
      return provider.equals("local");
    }

    @Override
    public boolean alive(SandboxFolder folder) {
      return answering.contains(folder.id());
    }

    @Override
    public void dispose(SandboxFolder folder) {
      disposed.add(folder.id());
    }
  }

  /** Makes a sandbox's folder, says its id and waits. */
  static final class Creator {
    public static void main(String[] args) throws Exception {
      System.out.println(StateHome.at(Path.of(args[0])).create("local").id());
      System.in.read();
    }
  }

  /** Reaps until it is told to stop; any report of a failure ends it with that. */
  static final class Reaping {
    public static void main(String[] args) throws Exception {
      Reaper reaper = reaperOf(Path.of(args[0]));
      System.out.println("ready");
      System.in.read();
      while (System.in.available() == 0) {
        for (String line : reaper.reap(new Host())) {
          if (!line.contains("cleared away (local)")) {
            System.out.println(line);
            return;
          }
        }
      }
      System.out.println("clean");
    }
  }
}
