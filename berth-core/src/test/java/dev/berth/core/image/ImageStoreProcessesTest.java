package dev.berth.core.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.SandboxException;
import dev.berth.core.process.ChildJvm;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What only several JVMs at once can show. */
class ImageStoreProcessesTest {
  private static final ImageKey KEY = new ImageKey("docker://a/b:1", ImageKind.FOLDER, "x86_64");
  private static final Duration LONG = Duration.ofSeconds(60);

  @TempDir Path root;
  private final List<ChildJvm> children = new ArrayList<>();

  @BeforeEach
  void make() throws Exception {
    Files.createDirectories(root.resolve("runs"));
    Files.createDirectories(root.resolve("asked"));
  }

  @AfterEach
  void end() throws Exception {
    for (ChildJvm child : children) {
      child.close();
    }
  }

  @Test
  void fourProcessesOfEightThreadsMakeItOnce() throws Exception {
    assertThat(race("ok")).isEqualTo(Map.of("made", 32));
    assertThat(runs()).isEqualTo(1);
    assertThat(leftovers("new-")).isEmpty();
    assertThat(leftovers("v-")).hasSize(1);
  }

  @Test
  void allWhoWaitFailWithTheSameError() throws Exception {
    Map<String, Integer> outcomes = race("fail");

    assertThat(outcomes).isEqualTo(Map.of("failed as asked", 32));
    assertThat(runs()).isEqualTo(1);
    assertThat(leftovers("new-")).isEmpty();
    assertThat(leftovers("v-")).isEmpty();
  }

  @Test
  void whenItsMakerIsKilledAnotherTakesOverAndCleansUp() throws Exception {
    ChildJvm maker = start("ok", 1);
    maker.go();
    await().atMost(LONG).until(() -> runs() == 1);
    ChildJvm next = start("ok", 2);
    next.go();
    assertThat(next.line()).isEqualTo("Waiting for another process to make docker://a/b:1");
    assertThat(leftovers("new-")).hasSize(1);

    maker.kill();
    await().atMost(LONG).until(() -> runs() == 2);
    Files.createFile(root.resolve("release"));
    assertThat(outcomes(next, 2)).isEqualTo(Map.of("made", 2));
    assertThat(leftovers("new-")).isEmpty();
  }

  @Test
  void whatAKilledProcessUsedCanBeRemoved() throws Exception {
    Files.createFile(root.resolve("release"));
    ChildJvm user = start("hold", 1);
    user.go();
    assertThat(user.line()).isEqualTo("holding");
    ImageStore store = store(root);
    assertThatThrownBy(() -> store.remove(KEY, Duration.ZERO)).isInstanceOf(RequestException.class);

    user.kill();
    assertThat(store.remove(KEY, Duration.ZERO)).isTrue();
    assertThat(store.list()).isEmpty();
  }

  private Map<String, Integer> race(String mode) throws Exception {
    List<ChildJvm> racers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      racers.add(start(mode, 8));
    }
    for (ChildJvm racer : racers) {
      racer.go();
    }
    // One makes it; each of the other three says that it waits.
    int waiting = 0;
    Map<String, Integer> all = new TreeMap<>();
    await().atMost(LONG).until(() -> runs() == 1);
    String maker = Files.readString(first(root.resolve("runs")));
    for (ChildJvm racer : racers) {
      if (!maker.equals(Long.toString(racer.pid()))) {
        assertThat(racer.line()).startsWith("Waiting for another process");
        waiting++;
      }
    }
    assertThat(waiting).isEqualTo(3);
    await().atMost(LONG).until(() -> root.resolve("asked").toFile().list().length == 32);
    Files.createFile(root.resolve("release"));
    for (ChildJvm racer : racers) {
      outcomes(racer, 8).forEach((outcome, count) -> all.merge(outcome, count, Integer::sum));
    }
    return all;
  }

  private ChildJvm start(String mode, int threads) throws Exception {
    ChildJvm child = ChildJvm.of(Asking.class, root, mode, threads);
    children.add(child);
    assertThat(child.line()).isEqualTo("ready");
    return child;
  }

  private static Map<String, Integer> outcomes(ChildJvm child, int threads) throws IOException {
    Map<String, Integer> outcomes = new TreeMap<>();
    for (int seen = 0; seen < threads; ) {
      String line = String.valueOf(child.line());
      if (!line.startsWith("Waiting")) {
        outcomes.merge(line, 1, Integer::sum);
        seen++;
      }
    }
    return outcomes;
  }

  private int runs() throws IOException {
    try (Stream<Path> files = Files.list(root.resolve("runs"))) {
      return (int) files.filter(file -> !file.toString().endsWith(".new")).count();
    }
  }

  private static Path first(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findFirst().orElseThrow();
    }
  }

  private List<Path> leftovers(String prefix) throws IOException {
    try (Stream<Path> files = Files.walk(root.resolve("cache/images"), 2)) {
      return files.filter(file -> file.getFileName().toString().startsWith(prefix)).toList();
    }
  }

  private static ImageStore store(Path root) {
    CacheHome cache = new CacheHome(root.resolve("cache"));
    return new ImageStore(cache, FolderRemoval.with(cache));
  }

  /** Asks for the image from many threads at once and says what each got. */
  static final class Asking {
    private static Path root;
    private static String mode;

    public static void main(String[] args) throws Exception {
      root = Path.of(args[0]);
      mode = args[1];
      System.out.println("ready");
      System.in.read();
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Future<?>> asking = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(args[2]); i++) {
          asking.add(threads.submit(Asking::ask));
        }
        for (Future<?> one : asking) {
          one.get();
        }
      }
    }

    private static Void ask() throws Exception {
      boolean[] said = {false};
      Files.createFile(root.resolve("asked").resolve(UUID.randomUUID().toString()));
      try (ImageUse use =
          store(root)
              .obtain(
                  KEY,
                  PullPolicy.MISSING,
                  Asking::produce,
                  LONG,
                  line -> {
                    if (!said[0]) {
                      said[0] = true;
                      System.out.println(line);
                    }
                  })) {
        String text = Files.readString(use.path().resolve("whole"));
        if (mode.equals("hold")) {
          System.out.println("holding");
          System.in.read();
          System.in.read();
        }
        System.out.println(text);
      } catch (SandboxException e) {
        System.out.println(e instanceof CreateException ? e.getMessage() : e.toString());
      }
      return null;
    }

    private static void produce(Path target, java.util.function.Consumer<String> progress)
        throws InterruptedException {
      try {
        Files.createDirectories(target.resolve("part"));
        Path run = root.resolve("runs").resolve(UUID.randomUUID() + ".new");
        Files.writeString(run, Long.toString(ProcessHandle.current().pid()));
        Files.move(run, Path.of(run.toString().replace(".new", "")));
        await().atMost(LONG).until(() -> Files.exists(root.resolve("release")));
        Files.writeString(target.resolve("whole"), "made");
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
      if (mode.equals("fail")) {
        throw new CreateException(null, null, "failed as asked", null);
      }
    }
  }
}
