package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What passes between a task's sshd listening and the first command's result, step by step, in a
 * JVM that has just started and in one that has started some before; figures are printed.
 */
@Tag("rig")
@Tag("root")
@Tag("soak")
@ExtendWith(RigExtension.class)
class FirstCommandIT {
  private static final int ROUNDS = 6;
  private static FargateRig rig;

  /** When what was seen of one task, by {@link System#nanoTime()}, which all processes share. */
  private record Seen(long listens, long prepared, long main) {}

  @BeforeAll
  static void open() {
    rig = RigExtension.rig();
  }

  @AfterEach
  void clear() throws Exception {
    rig.proxy().endAll();
    rig.faults().clear();
  }

  /** Each line it prints is the moment of a first command's result. */
  public static void main(String[] arguments) throws Exception {
    FargateRig.useFrom();
    try (FargateProvider provider = new FargateProvider(FargateRig.execServer().build())) {
      for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
        try (Sandbox sandbox = provider.create(SandboxSpec.of(FargateRig.MAIN_IMAGE))) {
          sandbox.exec("true");
          System.out.println("first " + System.nanoTime());
        }
      }
    }
  }

  @Test
  void fromSshdListeningToTheFirstResult() throws Exception {
    // Fargate takes tens of seconds to bring a task up, and fetches images when it has its address;
    // the rig would be done before this JVM is, and before it has heard of the address.
    rig.faults().provisioning(Duration.ofSeconds(3));
    rig.faults().pulling(Duration.ofSeconds(1));
    List<double[]> cold = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      cold.addAll(child(1));
    }
    print("in a new JVM", cold);
    List<double[]> warm = child(ROUNDS + 2);
    print("in a JVM that has started two", warm.subList(2, warm.size()));
  }

  private static void print(String where, List<double[]> all) {
    List<double[]> sorted = new ArrayList<>(all);
    sorted.sort((a, b) -> Double.compare(a[0], b[0]));
    double[] middle = sorted.get(sorted.size() / 2);
    System.out.printf(
        Locale.ROOT,
        "first-command (load %.1f) %s: median %.0f ms, from %.0f to %.0f (of %d); of the median, until the guest"
            + " is in its volume %.0f, then until the rig has started the main container %.0f, then"
            + " until the result %.0f%n",
        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
        where,
        middle[0],
        sorted.get(0)[0],
        sorted.get(sorted.size() - 1)[0],
        sorted.size(),
        middle[1],
        middle[2],
        middle[3]);
  }

  /** Milliseconds in all and of each step, for each of so many tasks of one new JVM. */
  private List<double[]> child(int count) throws Exception {
    rig.proxy().endAll();
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    System.getProperties()
        .forEach((name, value) -> {
          if (name.toString().startsWith("berth.")) {
            command.add("-D" + name + "=" + value);
          }
        });
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            FirstCommandIT.class.getName(),
            "" + count));
    List<double[]> all = new ArrayList<>();
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (int i = 0; i < count; i++) {
        int number = i;
        FutureTask<Seen> watching = new FutureTask<>(() -> watch(number));
        Thread.ofPlatform().daemon().start(watching);
        String line = lines.readLine();
        assertThat(line).startsWith("first ");
        long result = Long.parseLong(line.substring(6));
        Seen seen = watching.get(30, TimeUnit.SECONDS);
        all.add(
            new double[] {
              millis(seen.listens, result),
              millis(seen.listens, seen.prepared),
              millis(seen.prepared, seen.main),
              millis(seen.main, result)
            });
      }
      assertThat(process.waitFor()).isZero();
    } finally {
      process.destroyForcibly();
    }
    return all;
  }

  private static double millis(long from, long to) {
    return (to - from) / 1e6;
  }

  private static Seen watch(int number) throws Exception {
    until(() -> rig.proxy().tasks().size() > number);
    RigTask task =
        rig.proxy().tasks().stream()
            .filter(each -> !each.status().equals("STOPPED") && !each.stopping())
            .findFirst()
            .orElseThrow();
    RigContainer sidecar = task.container(TaskDefinitions.SIDECAR);
    RigContainer main = task.container("main");
    until(() -> sidecar.pid() > 0);
    Path sockets = Path.of("/proc/" + sidecar.pid() + "/net/tcp");
    until(() -> contains(sockets, ":08AE 00000000:0000 0A"));
    long listens = System.nanoTime();
    String volume = main.container().replace("-main", "-berth");
    Path guest = Path.of("/var/tmp/berth-rig-podman/store/volumes", volume, "_data/guest");
    until(() -> Files.exists(guest));
    long prepared = System.nanoTime();
    until(() -> main.pid() > 0);
    return new Seen(listens, prepared, System.nanoTime());
  }

  private static boolean contains(Path file, String text) {
    try {
      return Files.readString(file).contains(text);
    } catch (IOException e) {
      return false;
    }
  }

  private static void until(BooleanSupplier there) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!there.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new IllegalStateException("waited in vain");
      }
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }
}
