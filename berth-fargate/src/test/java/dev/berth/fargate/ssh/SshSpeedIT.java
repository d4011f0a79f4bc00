package dev.berth.fargate.ssh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.GuestSandbox;
import dev.berth.core.guest.Probe;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.StateHome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the way through a real sshd costs, next to OpenSSH's own client; figures are printed. */
@Tag("rig")
@Tag("soak")
class SshSpeedIT {
  @TempDir Path folder;
  private Sshd sshd;

  @BeforeEach
  void start() throws Exception {
    sshd = Sshd.start(folder.resolve("sshd"));
    Files.writeString(
        folder.resolve("known"), "[127.0.0.1]:" + sshd.port() + " " + sshd.hostKey() + "\n");
  }

  @AfterEach
  void stop() throws Exception {
    sshd.close();
  }

  private static void print(String text, Object... values) {
    double load =
        java.lang.management.ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    System.out.printf(
        Locale.ROOT, "ssh-speed (load %.1f) %s%n", load, String.format(Locale.ROOT, text, values));
  }

  private static double millis(long nanos) {
    return nanos / 1e6;
  }

  private SshLocalGuest guest(SandboxSpec spec) throws InterruptedException {
    return SshLocalGuest.start(
        StateHome.ofEnvironment().create(SshLocalProvider.NAME),
        FolderRemoval.with(CacheHome.ofEnvironment()),
        sshd,
        spec);
  }

  private Sandbox sandbox() throws InterruptedException {
    SandboxSpec spec = SandboxSpec.builder().lease(Duration.ofMinutes(2)).build();
    return GuestSandbox.create(
        guest(spec), spec, Defaults.NONE, Probe.NONE, Duration.ofSeconds(30));
  }

  private List<String> ssh(String program, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Sshd.tool(program),
                "-F",
                "none",
                "-i",
                folder.resolve("sshd/user").toString(),
                "-o",
                "UserKnownHostsFile=" + folder.resolve("known"),
                "-o",
                "ControlPath=" + folder.resolve("master"),
                "-o",
                "LogLevel=ERROR",
                "-c",
                "aes128-gcm@openssh.com",
                program.equals("sftp") ? "-P" : "-p",
                "" + sshd.port()));
    command.addAll(List.of(more));
    return command;
  }

  private static void run(List<String> command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor()).as("%s", command).isZero();
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }

  /** From sshd's listening to the first command's result, the guest put in place on the way. */
  @Test
  void firstCommand() throws Exception {
    List<Double> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      sshd.kill();
      // As in a task that is starting: somebody waits for its sshd already.
      FutureTask<Long> call =
          new FutureTask<>(() -> {
            try (Sandbox sandbox = sandbox()) {
              assertThat(sandbox.exec(Command.of("true")).ok()).isTrue();
              return System.nanoTime();
            }
          });
      Thread.ofVirtual().start(call);
      TimeUnit.SECONDS.sleep(1);
      sshd.start();
      long began = System.nanoTime();
      all.add(millis(call.get(30, TimeUnit.SECONDS) - began));
    }
    print(
        "first command after sshd listens: %.0f ms in a new JVM, then median %.0f ms (≤ 300)",
        all.get(0), median(all.subList(1, all.size())));
  }

  @Test
  void execTrue() throws Exception {
    try (Sandbox sandbox = sandbox()) {
      for (int i = 0; i < 500; i++) {
        sandbox.exec(Command.of("true"));
      }
      List<Double> ours = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        long began = System.nanoTime();
        sandbox.exec(Command.of("true"));
        ours.add(millis(System.nanoTime() - began));
      }
      String user = System.getProperty("user.name");
      List<String> master = ssh("ssh", "-fNM", "-l", user, "127.0.0.1");
      run(master);
      List<Double> theirs = new ArrayList<>();
      try {
        for (int i = 0; i < 60; i++) {
          long began = System.nanoTime();
          run(ssh("ssh", "-l", user, "127.0.0.1", "true"));
          theirs.add(millis(System.nanoTime() - began));
        }
      } finally {
        run(ssh("ssh", "-l", user, "-O", "exit", "127.0.0.1"));
      }
      print(
          "exec true: p50 %.2f ms (≤ 4), ssh over a shared master %.2f ms: %.2f of it (≤ 0.5)",
          median(ours), median(theirs), median(ours) / median(theirs));
    }
  }

  @Test
  void transfers() throws Exception {
    byte[] bytes = new byte[100 << 20];
    new Random(1).nextBytes(bytes);
    Path large = Files.write(folder.resolve("large"), bytes);
    Path small = Files.createDirectory(folder.resolve("small"));
    for (int i = 0; i < 2000; i++) {
      Files.write(small.resolve("f" + i), java.util.Arrays.copyOf(bytes, 1024));
    }
    List<Double> ups = new ArrayList<>();
    List<Double> downs = new ArrayList<>();
    List<Double> puts = new ArrayList<>();
    List<Double> gets = new ArrayList<>();
    String user = System.getProperty("user.name");
    Path put = folder.resolve("put");
    Path got = folder.resolve("got");
    Files.writeString(folder.resolve("put.batch"), "put " + large + " " + put + "\n");
    Files.writeString(folder.resolve("get.batch"), "get " + large + " " + got + "\n");
    try (Sandbox sandbox = sandbox()) {
      for (int i = 0; i < 5; i++) {
        long began = System.nanoTime();
        sandbox.upload(large, "large");
        ups.add(millis(System.nanoTime() - began));
        began = System.nanoTime();
        sandbox.download("large", folder.resolve("back"));
        downs.add(millis(System.nanoTime() - began));
        began = System.nanoTime();
        run(ssh("sftp", "-b", folder.resolve("put.batch").toString(), user + "@127.0.0.1"));
        puts.add(millis(System.nanoTime() - began));
        began = System.nanoTime();
        run(ssh("sftp", "-b", folder.resolve("get.batch").toString(), user + "@127.0.0.1"));
        gets.add(millis(System.nanoTime() - began));
      }
      assertThat(Files.mismatch(large, folder.resolve("back"))).isEqualTo(-1);
      print(
          "100 MiB up: %.0f MB/s, sftp %.0f MB/s: %.2f of it (≥ 0.8)",
          rate(ups), rate(puts), rate(ups) / rate(puts));
      print(
          "100 MiB down: %.0f MB/s, sftp %.0f MB/s: %.2f of it (≥ 0.8)",
          rate(downs), rate(gets), rate(downs) / rate(gets));
      long began = System.nanoTime();
      sandbox.upload(small, "small");
      double up = 2000 / (millis(System.nanoTime() - began) / 1000);
      began = System.nanoTime();
      sandbox.download("small", folder.resolve("small-back"));
      double down = 2000 / (millis(System.nanoTime() - began) / 1000);
      print("1 KiB files: as a folder %.0f/s up, %.0f/s down (≥ 500)", up, down);
      Path one = folder.resolve("one");
      Calls put1 = (caller, i) -> sandbox.upload(small.resolve("f" + i), "one-" + caller);
      Calls get1 = (caller, i) -> sandbox.download("small/f" + i, Path.of(one + "-" + caller));
      perSecond(1, 300, put1);
      print(
          "1 KiB files, a call each (≥ 500): one caller %.0f/s up, %.0f/s down; 8 callers %.0f/s up,"
              + " %.0f/s down",
          perSecond(1, 1000, put1),
          perSecond(1, 1000, get1),
          perSecond(8, 250, put1),
          perSecond(8, 250, get1));
    }
  }

  private interface Calls {
    void call(int caller, int number) throws InterruptedException;
  }

  /** So many callers make so many calls each. */
  private static double perSecond(int callers, int each, Calls calls) throws Exception {
    long began = System.nanoTime();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < callers; i++) {
        int caller = i;
        all.add(
            threads.submit(() -> {
              for (int number = 0; number < each; number++) {
                calls.call(caller, number);
              }
              return null;
            }));
      }
      for (Future<?> one : all) {
        one.get(2, TimeUnit.MINUTES);
      }
    }
    return callers * each / (millis(System.nanoTime() - began) / 1000);
  }

  private static double rate(List<Double> millis) {
    return (100 << 20) / 1e6 / (median(millis) / 1000);
  }

  @Test
  void manySessions() throws Exception {
    int count = 200;
    List<SshTunnel> tunnels = Collections.synchronizedList(new ArrayList<>());
    List<Sandbox> sandboxes = new ArrayList<>();
    SandboxSpec spec = SandboxSpec.builder().lease(Duration.ofMinutes(5)).build();
    // A guest takes 64 hosts.
    List<SshLocalGuest> guests = new ArrayList<>();
    try {
      for (int i = 0; i < 4; i++) {
        guests.add(guest(spec));
      }
      long before = used();
      long threads = platformThreads();
      long began = System.nanoTime();
      try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Future<Sandbox>> opening = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          SshLink guest = (SshLink) guests.get(i % guests.size()).link();
          opening.add(
              callers.submit(() -> {
                SshTunnel tunnel = sshd.tunnel().readyWithin(Duration.ofMinutes(2)).build();
                tunnels.add(tunnel);
                tunnel.open();
                GuestHostOf host = new GuestHostOf(tunnel.link(guest.port(), guest.token()));
                Sandbox sandbox = GuestSandbox.connect(host, spec, Defaults.NONE);
                assertThat(sandbox.exec("echo x").stdout()).isEqualTo("x\n");
                return sandbox;
              }));
        }
        for (Future<Sandbox> each : opening) {
          sandboxes.add(each.get(3, TimeUnit.MINUTES));
        }
      }
      double seconds = millis(System.nanoTime() - began) / 1000;
      print(
          "%d sessions with a command each in %.1f s: %d platform threads more, %.0f KiB each (≤ 1024)",
          count, seconds, platformThreads() - threads, (used() - before) / 1024.0 / count);
      assertThat(tunnels).hasSize(count).allMatch(SshTunnel::isOpen);
    } finally {
      sandboxes.forEach(Sandbox::close);
      tunnels.forEach(SshTunnel::close);
      guests.forEach(SshLocalGuest::destroyNow);
    }
  }

  private static long platformThreads() {
    return java.lang.management.ManagementFactory.getThreadMXBean().getThreadCount();
  }

  /** Heap and direct buffers that are reachable. */
  private static long used() throws InterruptedException {
    for (int i = 0; i < 4; i++) {
      System.gc();
      TimeUnit.MILLISECONDS.sleep(100); // The collector's references are cleared behind it.
    }
    long direct =
        java.lang.management.ManagementFactory.getPlatformMXBeans(
                java.lang.management.BufferPoolMXBean.class)
            .stream()
            .mapToLong(java.lang.management.BufferPoolMXBean::getMemoryUsed)
            .sum();
    return direct
        + java.lang.management.ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
