package dev.berth.fargate;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import java.io.File;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * A JVM with nothing in it but the provider, for {@link ManyTasksIT}: starts so many tasks at once,
 * runs a command in each, asks for all states at once, ends all at once, and prints what it cost as
 * lines {@code many NAME=NUMBER}.
 */
final class ManyTasks {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private ManyTasks() {}

  public static void main(String[] arguments) throws Exception {
    FargateRig.useFrom();
    int count = Integer.parseInt(arguments[0]);
    Duration patience = Duration.ofSeconds(Long.parseLong(arguments[1]));
    FargateConfig config =
        FargateRig.place()
            .sshSidecar(
                FargateRig.sidecar().withExecServerPort(19542).withSshReadyTimeout(patience))
            .startupTimeout(patience)
            .build();
    SandboxSpec spec =
        SandboxSpec.builder().image(FargateRig.MAIN_IMAGE).lease(Duration.ofMinutes(10)).build();
    try (FargateProvider provider = new FargateProvider(config)) {
      // What is there once, however many tasks there are, is no part of a task's cost.
      try (Sandbox first = provider.create(spec)) {
        first.exec("true");
        first.status();
      }
      idle();
      int threads = THREADS.getThreadCount();
      int descriptors = descriptors();
      long used = used();
      long resident = resident();
      THREADS.resetPeakThreadCount();
      double processor = processor();
      long began = System.nanoTime();
      List<Sandbox> sandboxes = all(count, patience, i -> start(provider, spec, i, began));
      print("seconds_until_all_ran_a_command", seconds(began));
      print(
          "load_of_the_machine",
          ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
      print("processor_seconds_of_this_jvm", processor() - processor);
      print("platform_threads_before", threads);
      print("platform_threads_peak_while_starting", THREADS.getPeakThreadCount());
      print("platform_threads_with_all_alive", THREADS.getThreadCount());
      print("heap_and_direct_kib_each", (used() - used) / 1024.0 / count);
      print("resident_kib_each", (resident() - resident) / 1024.0 / count);
      print("descriptors_each", (descriptors() - descriptors) / (double) count);

      long asked = System.nanoTime();
      List<SandboxStatus> states = all(count, patience, i -> sandboxes.get(i).status());
      print("running", states.stream().filter(SandboxStatus.RUNNING::equals).count());
      print("seconds_for_all_states", seconds(asked));

      long ending = System.nanoTime();
      all(
          count,
          patience,
          i -> {
            sandboxes.get(i).stop();
            return i;
          });
      print("seconds_until_all_were_stopped", seconds(ending));
      sandboxes.clear();
      idle();
      print("platform_threads_left", THREADS.getThreadCount() - threads);
      print("descriptors_left", descriptors() - descriptors);
      print("heap_and_direct_kib_left", (used() - used) / 1024.0);
      print("folders_left", provider.list().size());
    }
    print("done", 1);
  }

  private interface Step<T> {
    T run(int number) throws Exception;
  }

  private static Sandbox start(FargateProvider provider, SandboxSpec spec, int number, long began)
      throws InterruptedException {
    Sandbox sandbox = provider.create(spec);
    String said = sandbox.exec("echo " + number).stdout();
    if (!said.equals(number + "\n")) {
      throw new IllegalStateException("sandbox " + number + " said " + said);
    }
    if (number % 20 == 0) {
      System.out.println("sandbox " + number + " ran its command after " + seconds(began) + " s");
    }
    return sandbox;
  }

  /** Does it for all at once, in virtual threads. */
  private static <T> List<T> all(int count, Duration atMost, Step<T> step) throws Exception {
    List<T> results = new ArrayList<>();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<T>> calls = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int number = i;
        Callable<T> call = () -> step.run(number);
        calls.add(callers.submit(call));
      }
      for (Future<T> call : calls) {
        results.add(call.get(atMost.toSeconds(), TimeUnit.SECONDS));
      }
    }
    return results;
  }

  /** Waits until what ends by itself has ended: threads that wait for more work, sockets kept. */
  private static void idle() throws InterruptedException {
    int seen = -1;
    for (int i = 0; i < 40 && seen != THREADS.getThreadCount(); i++) {
      seen = THREADS.getThreadCount();
      TimeUnit.MILLISECONDS.sleep(1500);
    }
  }

  private static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  private static double processor() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getProcessCpuTime()
        / 1e9;
  }

  private static int descriptors() {
    return Objects.requireNonNull(new File("/proc/self/fd").list()).length;
  }

  /** What is in physical memory, in bytes, files that are mapped included. */
  private static long resident() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
        .sum();
  }

  /** Heap and direct buffers that are reachable, in bytes. */
  private static long used() throws InterruptedException {
    for (int i = 0; i < 4; i++) {
      System.gc();
      TimeUnit.MILLISECONDS.sleep(100); // References are cleared behind the collection.
    }
    long direct =
        ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .mapToLong(BufferPoolMXBean::getMemoryUsed)
            .sum();
    return direct + ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private static void print(String name, double value) {
    System.out.printf(java.util.Locale.ROOT, "many %s=%.2f%n", name, value);
  }
}
