package dev.berth.bench;

import dev.berth.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Counts what many living sandboxes of Berth's cost, in processes and in this JVM. Nothing else may
 * run in the JVM meanwhile.
 */
final class AliveMeasure {
  private static final Path PROC = Path.of("/proc");
  private static final int AT_A_TIME = 4;
  private static final int WARM_UP = 8;
  private static final int STARTS_SECONDS = 5;
  private static final double KIB = 1024;

  private AliveMeasure() {}

  /**
   * Call it before measures with many threads: these leave some behind for a while, in which a
   * thread for each sandbox would not show.
   */
  static Alive run(BerthContender berth, Path image, int sandboxes) throws InterruptedException {
    List<Sandbox> warmUp = new ArrayList<>();
    try {
      start(berth, image, WARM_UP, warmUp);
      for (int i = 0; i < WARM_UP * WARM_UP; i++) {
        for (Sandbox sandbox : warmUp) {
          sandbox.exec("true").orThrow();
        }
      }
    } finally {
      warmUp.forEach(Sandbox::stop);
    }
    touchYoungGeneration();
    collect();
    int threadsBefore = threads();
    long heapBefore = heap();
    long directBefore = direct();
    long residentBefore = resident();
    List<Sandbox> alive = new ArrayList<>();
    try {
      start(berth, image, sandboxes, alive);
      int threadsAlive = threads();
      collect();
      awaitStarts();
      Processes processes =
          Processes.of(alive.stream().map(Sandbox::id).collect(Collectors.toSet()));
      return new Alive(
          sandboxes,
          processes.berthKib() / sandboxes,
          processes.berth(),
          (heap() - heapBefore) / KIB / sandboxes,
          (direct() - directBefore) / KIB / sandboxes,
          (double) (resident() - residentBefore) / sandboxes,
          processes.apptainerKib() / sandboxes,
          threadsBefore,
          threadsAlive);
    } finally {
      alive.forEach(Sandbox::stop);
    }
  }

  /**
   * Starts sandboxes, a few at a time, then runs a command in all at once. Those that were started
   * are in {@code started} even if it fails.
   */
  private static void start(BerthContender berth, Path image, int sandboxes, List<Sandbox> started)
      throws InterruptedException {
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      Semaphore slots = new Semaphore(AT_A_TIME);
      List<Future<Sandbox>> creations = new ArrayList<>();
      for (int i = 0; i < sandboxes; i++) {
        creations.add(
            callers.submit(() -> {
              slots.acquire();
              try {
                return berth.sandbox(image);
              } finally {
                slots.release();
              }
            }));
      }
      await(creations, started);
      List<Future<Sandbox>> commands = new ArrayList<>();
      for (Sandbox sandbox : started) {
        commands.add(
            callers.submit(() -> {
              sandbox.exec("true").orThrow();
              return sandbox;
            }));
      }
      await(commands, new ArrayList<>());
    }
  }

  /**
   * A guest answers before Apptainer's command that started it has ended; sandboxes that are alive
   * do without it.
   */
  private static void awaitStarts() {
    CompletableFuture<?>[] ends =
        ProcessHandle.current()
            .children()
            .map(ProcessHandle::onExit)
            .toArray(CompletableFuture<?>[]::new);
    CompletableFuture.allOf(ends).completeOnTimeout(null, STARTS_SECONDS, TimeUnit.SECONDS).join();
  }

  private static void await(List<Future<Sandbox>> tasks, List<Sandbox> done)
      throws InterruptedException {
    RuntimeException failure = null;
    for (Future<Sandbox> task : tasks) {
      try {
        done.add(task.get());
      } catch (ExecutionException e) {
        failure = new IllegalStateException(e.getCause());
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  /**
   * Berth's processes are the guests, by the sandbox's id among their arguments, with what is below
   * them, the keepers above them, and whatever this JVM runs; Apptainer's are those between a
   * keeper and its guest.
   */
  private record Processes(int berth, double berthKib, double apptainerKib) {
    static Processes of(Set<String> ids) {
      Map<Long, Long> parents = new HashMap<>();
      Set<Long> guests = new HashSet<>();
      for (long pid : pids()) {
        parents.put(pid, parent(pid));
        if (isGuest(pid, ids)) {
          guests.add(pid);
        }
      }
      long self = ProcessHandle.current().pid();
      Set<Long> apptainer = new HashSet<>();
      Set<Long> keepers = new HashSet<>();
      for (long guest : guests) {
        for (long above = parents.getOrDefault(guest, 0L);
            above > 1 && above != self && !guests.contains(above);
            above = parents.getOrDefault(above, 0L)) {
          (isKeeper(above) ? keepers : apptainer).add(above);
        }
      }
      Set<Long> berth = new HashSet<>(guests);
      boolean grown;
      do {
        grown = false;
        for (Map.Entry<Long, Long> entry : parents.entrySet()) {
          if ((berth.contains(entry.getValue()) || entry.getValue() == self)
              && !apptainer.contains(entry.getKey())) {
            grown |= berth.add(entry.getKey());
          }
        }
      } while (grown);
      // Added last: what else is below a keeper are Apptainer's helpers.
      berth.addAll(keepers);
      return new Processes(berth.size(), sum(berth), sum(apptainer));
    }

    private static double sum(Set<Long> pids) {
      return pids.stream().mapToLong(pid -> kib(PROC.resolve(pid + "/smaps_rollup"), "Pss:")).sum();
    }

    private static boolean isGuest(long pid, Set<String> ids) {
      List<String> line = List.of(commandLine(pid).split("\0", -1));
      return line.indexOf("serve") == 1
          && line.stream().anyMatch(argument -> ids.stream().anyMatch(argument::endsWith));
    }

    private static boolean isKeeper(long pid) {
      return commandLine(pid).startsWith("berth-guest keep");
    }

    /** Empty if the process is gone. */
    private static String commandLine(long pid) {
      try {
        return new String(
            Files.readAllBytes(PROC.resolve(pid + "/cmdline")), StandardCharsets.UTF_8);
      } catch (IOException e) {
        return "";
      }
    }

    private static long parent(long pid) {
      return kib(PROC.resolve(pid + "/status"), "PPid:");
    }
  }

  private static Set<Long> pids() {
    Set<Long> pids = new HashSet<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(PROC, "[0-9]*")) {
      entries.forEach(entry -> pids.add(Long.parseLong(entry.getFileName().toString())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return pids;
  }

  /** The number in a line of a file of {@code /proc}; 0 if the process is gone. */
  private static long kib(Path file, String key) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)
          .lines()
          .filter(line -> line.startsWith(key))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      return 0;
    }
  }

  /**
   * Uses up the young generation once: it grows by use alone, whoever uses it, and would look like
   * the sandboxes' doing.
   */
  private static void touchYoungGeneration() {
    long before = collections();
    int block = 1 << 20;
    long allocated = 0;
    while (collections() == before && allocated < Runtime.getRuntime().maxMemory()) {
      allocated += new byte[block].length;
    }
  }

  private static long collections() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream()
        .mapToLong(GarbageCollectorMXBean::getCollectionCount)
        .sum();
  }

  private static void collect() {
    // Twice: what finalizers and cleaners let go goes in the second.
    System.gc();
    System.gc();
  }

  private static int threads() {
    return ManagementFactory.getThreadMXBean().getThreadCount();
  }

  private static long heap() {
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private static long direct() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  /** In KiB. */
  private static long resident() {
    return kib(PROC.resolve("self/status"), "VmRSS:");
  }
}
