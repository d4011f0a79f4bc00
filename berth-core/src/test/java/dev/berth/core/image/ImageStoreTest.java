package dev.berth.core.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.StateHome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageStoreTest {
  private static final ImageKey KEY = new ImageKey("docker://a/b:1", ImageKind.SIF, "x86_64");
  private static final Duration LONG = Duration.ofSeconds(20);

  @TempDir Path root;
  private ImageStore store;
  private FolderRemoval removal;
  private final AtomicInteger made = new AtomicInteger();

  @BeforeEach
  void open() {
    CacheHome cache = new CacheHome(root.resolve("cache"));
    removal = FolderRemoval.with(cache);
    store = new ImageStore(cache, removal);
  }

  @Test
  void whatIsMissingIsMadeOnce() throws Exception {
    assertThat(store.find(KEY)).isEmpty();
    try (ImageUse first = obtain(PullPolicy.MISSING);
        ImageUse second = obtain(PullPolicy.MISSING);
        ImageUse third = obtain(PullPolicy.NEVER)) {
      assertThat(first.path()).hasContent("1").hasExtension("sif");
      assertThat(second.path()).isEqualTo(first.path());
      assertThat(third.path()).isEqualTo(first.path());
    }
    assertThat(made).hasValue(1);
    StoredImage image = store.list().get(0);
    assertThat(image.key()).isEqualTo(KEY);
    assertThat(image.bytes()).isEqualTo(1);
    assertThat(image.inUse()).isFalse();
  }

  @Test
  void neverMeansNever() {
    assertThatThrownBy(() -> obtain(PullPolicy.NEVER))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("docker://a/b:1")
        .hasMessageContaining("berth image pull");
    assertThat(made).hasValue(0);
  }

  @Test
  void alwaysReplacesItUnderThoseWhoUseIt() throws Exception {
    ImageUse old = obtain(PullPolicy.ALWAYS);
    ImageUse next = obtain(PullPolicy.ALWAYS);

    assertThat(old.path()).hasContent("1");
    assertThat(next.path()).hasContent("2");
    old.close();
    obtain(PullPolicy.ALWAYS).close();
    assertThat(old.path()).doesNotExist();
    assertThat(next.path()).hasContent("2");
    next.close();
    store.prune(Duration.ofDays(1));
    assertThat(next.path()).doesNotExist();
    assertThat(store.list()).hasSize(1);
  }

  @Test
  void aFolderCanBeAnImage() throws Exception {
    ImageKey key = new ImageKey("docker://a/b:1", ImageKind.FOLDER, "x86_64");
    ImageProducer producer =
        (target, progress) -> {
          write(target.resolve("bin/sh"), "four");
          progress.accept("unpacked");
        };
    List<String> lines = new ArrayList<>();

    try (ImageUse use = store.obtain(key, PullPolicy.MISSING, producer, LONG, lines::add)) {
      assertThat(use.path().resolve("bin/sh")).hasContent("four");
    }
    assertThat(lines).containsExactly("unpacked");
    assertThat(store.list().get(0).bytes()).isEqualTo(4);
    assertThat(store.remove(key, Duration.ZERO)).isTrue();
    assertThat(store.remove(key, Duration.ZERO)).isFalse();
    assertThat(entries()).isEmpty();
  }

  @Test
  void manyThreadsMakeItOnceAndFailTogether() throws Exception {
    for (boolean fails : new boolean[] {true, false}) {
      CountDownLatch go = new CountDownLatch(1);
      AtomicInteger runs = new AtomicInteger();
      ImageProducer producer =
          (target, progress) -> {
            runs.incrementAndGet();
            go.await();
            write(target, "x");
            if (fails) {
              throw new RequestException("Tried to pull it, but no.");
            }
          };
      List<Thread> threads = new ArrayList<>();
      List<Future<Path>> results = new ArrayList<>();
      try (ExecutorService pool =
          Executors.newThreadPerTaskExecutor(task -> {
            Thread thread = Thread.ofPlatform().unstarted(task);
            threads.add(thread);
            return thread;
          })) {
        for (int i = 0; i < 8; i++) {
          results.add(
              pool.submit(() -> {
                try (ImageUse use =
                    store.obtain(KEY, PullPolicy.MISSING, producer, LONG, line -> {})) {
                  return use.path();
                }
              }));
        }
        await()
            .until(() ->
                threads.stream()
                    .allMatch(thread ->
                        thread.getState() == Thread.State.WAITING
                            || thread.getState() == Thread.State.TIMED_WAITING));
        go.countDown();
        for (Future<Path> result : results) {
          if (fails) {
            assertThatThrownBy(result::get)
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(RequestException.class);
          } else {
            assertThat(result.get()).hasContent("x");
          }
        }
      }
      assertThat(runs).hasValue(1);
      assertThat(entries()).hasSize(fails ? 0 : 1);
    }
  }

  @Test
  void whenItsMakerIsInterruptedAnotherTakesOver() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch begun = new CountDownLatch(1);
    Thread first =
        Thread.ofVirtual()
            .start(() -> {
              try {
                store.obtain(
                    KEY,
                    PullPolicy.MISSING,
                    (target, progress) -> {
                      write(target, "half");
                      begun.countDown();
                      never.await();
                    },
                    LONG,
                    line -> {});
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    begun.await();
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<ImageUse> second = pool.submit(() -> obtain(PullPolicy.MISSING));
      first.interrupt();
      try (ImageUse use = second.get()) {
        assertThat(use.path()).hasContent("1");
      }
    }
    first.join();
    assertThat(files("new-")).isEmpty();
  }

  @Test
  void waitingHasADeadline() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    CountDownLatch begun = new CountDownLatch(1);
    Thread first =
        Thread.ofVirtual()
            .start(() -> {
              try {
                store
                    .obtain(
                        KEY,
                        PullPolicy.MISSING,
                        (target, progress) -> {
                          begun.countDown();
                          go.await();
                          write(target, "x");
                        },
                        LONG,
                        line -> {})
                    .close();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    begun.await();
    assertThatThrownBy(() ->
            store.obtain(KEY, PullPolicy.MISSING, this::produce, Duration.ofMillis(30), line -> {}))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("docker://a/b:1");
    go.countDown();
    first.join();
    assertThat(made).hasValue(0);
  }

  @Test
  void aProducerThatMakesNothingIsAnError() {
    assertThatThrownBy(
            () -> store.obtain(KEY, PullPolicy.MISSING, (target, progress) -> {}, LONG, line -> {}))
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("nothing came of it");
  }

  @Test
  void whatIsUsedIsNotRemoved() throws Exception {
    ImageUse use = obtain(PullPolicy.MISSING);

    assertThatThrownBy(() -> store.remove(KEY, Duration.ofMillis(30)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("a process");
    assertThat(store.prune(Duration.ZERO)).isEmpty();
    assertThat(store.list().get(0).inUse()).isTrue();
    assertThat(use.path()).exists();

    use.close();
    assertThat(store.prune(Duration.ofDays(1))).isEmpty();
    assertThat(store.prune(Duration.ZERO)).hasSize(1);
    assertThat(use.path()).doesNotExist();
  }

  @Test
  void removalCanWaitForItsUsers() throws Exception {
    ImageUse use = obtain(PullPolicy.MISSING);
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Boolean> removed = pool.submit(() -> store.remove(KEY, LONG));
      use.close();
      assertThat(removed.get()).isTrue();
    }
    assertThat(store.list()).isEmpty();
  }

  @Test
  void aSandboxKeepsItForAsLongAsItsFolderIsThere() throws Exception {
    SandboxFolder sandbox = StateHome.at(root.resolve("state")).create("local");
    try (ImageUse use = obtain(PullPolicy.MISSING)) {
      use.keepFor(sandbox);
    }

    assertThatThrownBy(() -> store.remove(KEY, Duration.ZERO))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("sandbox " + sandbox.id());
    sandbox.delete(removal);
    assertThat(store.remove(KEY, Duration.ZERO)).isTrue();
    assertThat(entries()).isEmpty();
  }

  @Test
  void usesOfTheDeadDoNotPileUp() throws Exception {
    StateHome home = StateHome.at(root.resolve("state"));
    for (int i = 0; i < 200; i++) {
      try (ImageUse use = obtain(PullPolicy.MISSING)) {
        SandboxFolder sandbox = home.create("local");
        use.keepFor(sandbox);
        Files.delete(sandbox.path().resolve("provider"));
        Files.delete(sandbox.path());
        sandbox.release();
      }
    }
    assertThat(files("v-")).hasSizeLessThan(100);
  }

  @Test
  void whatADeadMakerLeftIsSwept() throws Exception {
    obtain(PullPolicy.MISSING).close();
    Path folder = files("current").get(0).getParent();
    Path tree = folder.resolve("new-" + ImageStore.hostTag() + "-1-7-abcdefghijklmnop.tmp");
    write(tree.resolve("deep/er"), "x");
    Path elsewhere = folder.resolve("new-another.host-1-7-abcdefghijklmnop");
    write(elsewhere, "x");

    assertThat(store.sweep()).containsExactly(tree);

    assertThat(tree).doesNotExist();
    assertThat(elsewhere).exists();
    assertThat(store.list()).hasSize(1);
    assertThat(store.sweep()).isEmpty();
  }

  @Test
  void aFolderThatADeadMakerHadMadeGoesToo() throws Exception {
    Path folder = root.resolve("cache/images/b~1");
    write(folder.resolve("new-" + ImageStore.hostTag() + "-1-7-abcdefghijklmnop.sif"), "x");

    store.sweep();

    assertThat(folder).doesNotExist();
  }

  @Test
  void whatIsBeingMadeIsNotSwept() throws Exception {
    store
        .obtain(
            KEY,
            PullPolicy.MISSING,
            (target, progress) -> {
              assertThat(store.sweep()).isEmpty();
              assertThat(target.getParent()).isDirectory();
              write(target, "x");
            },
            LONG,
            line -> {})
        .close();
    assertThat(store.list()).hasSize(1);
  }

  @Test
  void whatIsUnpackedOfAFileHasTheFilesName() throws Exception {
    Path file = Files.writeString(root.resolve("odd ?size=1&.sif"), "x");
    ImageKey key = ImageKey.unpackedOf(file);
    store.obtain(key, PullPolicy.MISSING, this::produce, LONG, line -> {}).close();

    assertThat(store.list().get(0).key().name()).isEqualTo(file.toRealPath().toString());
    Path link = Files.createSymbolicLink(root.resolve("link.sif"), file);
    for (String name : List.of(file.toString(), link.toString(), key.reference())) {
      assertThat(store.named(name)).as(name).hasSize(1);
    }
    Files.writeString(file, "changed");
    assertThat(ImageKey.unpackedOf(file)).isNotEqualTo(key);
    Files.delete(file);
    assertThat(store.named(file.toString())).hasSize(1);
    assertThat(store.named(root + "/other.sif")).isEmpty();
  }

  @Test
  void aDamagedEntryIsMadeAgain() throws Exception {
    obtain(PullPolicy.MISSING).close();
    Path current = files("current").get(0);
    Files.writeString(current, "version=../../etc\n");

    assertThat(store.list()).isEmpty();
    try (ImageUse use = obtain(PullPolicy.MISSING)) {
      assertThat(use.path()).hasContent("2");
    }
  }

  private ImageUse obtain(PullPolicy policy) throws InterruptedException {
    return store.obtain(KEY, policy, this::produce, LONG, line -> {});
  }

  private void produce(Path target, java.util.function.Consumer<String> progress) {
    write(target, Integer.toString(made.incrementAndGet()));
  }

  private List<Path> files(String prefix) throws IOException {
    try (var files = Files.walk(root.resolve("cache/images"))) {
      return files.filter(file -> file.getFileName().toString().startsWith(prefix)).toList();
    }
  }

  private List<String> entries() {
    String[] names = root.resolve("cache/images").toFile().list((f, name) -> !name.startsWith("."));
    return names == null ? List.of() : List.of(names);
  }

  static void write(Path file, String text) {
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
