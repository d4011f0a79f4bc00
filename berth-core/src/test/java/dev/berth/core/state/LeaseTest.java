package dev.berth.core.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.core.process.ChildJvm;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeaseTest {
  @TempDir Path folder;
  private File file;

  @BeforeEach
  void name() {
    file = folder.resolve("lease").toFile();
  }

  @Test
  void oneHolderAtATimeInOneJvm() throws Exception {
    Lease lease = Lease.create(file, "who").orElseThrow();

    assertThat(lease.text()).isEqualTo("who");
    assertThat(Lease.held(file)).isTrue();
    assertThat(Lease.take(file)).isEmpty();
    assertThat(Lease.create(file, "")).isEmpty();

    lease.close();
    lease.close();
    assertThat(Lease.held(file)).isFalse();
    try (Lease again = Lease.take(file).orElseThrow()) {
      assertThat(again.text()).isEqualTo("who");
    }
  }

  @Test
  void lookingDoesNotLoseTheLock() throws Exception {
    try (Lease lease = Lease.create(file, "").orElseThrow()) {
      Lease.held(file);
      Lease.take(file);
      Lease.create(file, "");

      try (ChildJvm other = ChildJvm.of(Taker.class, file)) {
        assertThat(other.line()).isEqualTo("held");
      }
      assertThat(lease.text()).isEmpty();
    }
  }

  @Test
  void aKilledJvmFreesItAtOnce() throws Exception {
    try (ChildJvm other = ChildJvm.of(Taker.class, file, "create")) {
      assertThat(other.line()).isEqualTo("taken");
      assertThat(Lease.held(file)).isTrue();
      assertThat(Lease.take(file)).isEmpty();

      other.kill();
      assertThat(Lease.held(file)).isFalse();
      Lease.take(file).orElseThrow().close();
    }
  }

  @Test
  void anInterruptDoesNotLoseIt() throws Exception {
    Thread.currentThread().interrupt();
    Lease lease = Lease.create(file, "text").orElseThrow();
    assertThat(lease.text()).isEqualTo("text");
    assertThat(Thread.interrupted()).isTrue();

    try (ChildJvm other = ChildJvm.of(Taker.class, file)) {
      assertThat(other.line()).isEqualTo("held");
    }
    lease.close();

    Thread.currentThread().interrupt();
    try (Lease taken = Lease.take(file).orElseThrow()) {
      assertThat(Thread.interrupted()).isTrue();
      assertThat(taken.text()).isEqualTo("text");
      assertThat(Lease.held(file)).isTrue();
    }
  }

  @Test
  void deletingLeavesNothingToTake() throws Exception {
    Lease lease = Lease.create(file, "").orElseThrow();

    assertThat(lease.delete()).isTrue();
    assertThat(Lease.take(file)).isEmpty();
    assertThat(Lease.held(file)).isFalse();
    assertThat(file).doesNotExist();
  }

  /** Processes that delete whatever they can lock find nothing of one that is being made. */
  @Test
  void aFreshOneIsNeverTakenAway() throws Exception {
    List<ChildJvm> deleters = new ArrayList<>();
    try {
      for (int i = 0; i < 6; i++) {
        deleters.add(ChildJvm.of(Deleter.class, file.getParentFile()));
        assertThat(deleters.getLast().line()).isEqualTo("ready");
      }
      Map<File, Lease> made = new LinkedHashMap<>();
      for (int i = 0; i < 3000; i++) {
        File name = new File(file.getParentFile(), "fresh-" + i);
        Lease.fresh(name, "text").ifPresent(lease -> made.put(name, lease));
        if (made.size() > 8) {
          File oldest = made.keySet().iterator().next();
          assertThat(oldest.exists()).as("%s is still there", oldest).isTrue();
          assertThat(made.remove(oldest).delete()).isTrue();
        }
      }
      assertThat(made).isNotEmpty();
      made.values().forEach(Lease::delete);
    } finally {
      for (ChildJvm deleter : deleters) {
        deleter.close();
      }
    }
    Lease.sweep(file.getParentFile());
    assertThat(file.getParentFile().list()).isEmpty();
  }

  @Test
  void aChildProcessDoesNotInheritIt() throws Exception {
    Process child;
    try (Lease lease = Lease.create(file, "").orElseThrow()) {
      child = new ProcessBuilder("sleep", "100").start();
      assertThat(lease.text()).isEmpty();
    }
    try {
      await().until(() -> !Lease.held(file));
    } finally {
      child.destroyForcibly();
    }
  }

  /** Deletes all that it can lock in a folder, until it is killed. */
  static final class Deleter {
    public static void main(String[] args) throws Exception {
      File folder = new File(args[0]);
      System.out.println("ready");
      while (true) {
        Lease.sweep(folder);
        String[] names = folder.list();
        for (String name : names == null ? new String[0] : names) {
          Lease.take(new File(folder, name)).ifPresent(Lease::delete);
        }
      }
    }
  }

  /** Takes the lease, says whether it got it and keeps it until its input ends. */
  static final class Taker {
    public static void main(String[] args) throws Exception {
      File file = new File(args[0]);
      Optional<Lease> lease = args.length > 1 ? Lease.create(file, "") : Lease.take(file);
      System.out.println(lease.isPresent() ? "taken" : "held");
      System.in.read();
    }
  }
}
