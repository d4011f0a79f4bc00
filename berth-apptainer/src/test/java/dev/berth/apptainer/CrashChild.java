package dev.berth.apptainer;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.ExecResult;
import dev.berth.Reconnect;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What a JVM does that is to crash, or to stand in the way of others. Arguments: a verb, a mode, an
 * image, and what the verb needs.
 */
final class CrashChild {
  private final ApptainerProvider provider;
  private final SandboxSpec spec;
  private final Path local;

  private CrashChild(ApptainerProvider provider, SandboxSpec spec, Path local) {
    this.provider = provider;
    this.spec = spec;
    this.local = local;
  }

  public static void main(String[] args) throws Exception {
    ApptainerProvider provider = new ApptainerProvider(CrashRig.config(args[1], CrashRig.LEASE));
    Path local = Files.createTempDirectory("local");
    Files.createDirectory(local.resolve("in"));
    for (int i = 0; i < 5; i++) {
      Files.write(local.resolve("in").resolve("file" + i), new byte[300_000]);
    }
    CrashChild child = new CrashChild(provider, SandboxSpec.of(args[2]), local);
    switch (args[0]) {
      case "loop" -> child.loop(args[3].equals("warm"));
      case "exit" -> {
        child.leave();
        System.exit(0);
      }
      case "return" -> child.leave();
      case "own" -> {
        child.leave();
        new CountDownLatch(1).await();
      }
      case "detach" -> child.detach(Duration.ofSeconds(Long.parseLong(args[3])));
      case "cycle" -> child.cycle();
      case "reap" -> child.reap();
      case "interrupts" ->
          child.interrupts(Integer.parseInt(args[3]), new Random(Long.parseLong(args[4])));
      case "disk" -> child.disk(Path.of(args[3]));
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  private static void say(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.out.write(bytes, 0, bytes.length);
    System.out.flush();
  }

  /** Loops of create, exec, transfer and stop for ever; says a letter for each as it begins. */
  private void loop(boolean warm) throws InterruptedException {
    Sandbox sandbox = warm ? provider.create(spec) : null;
    say("ready\n");
    while (true) {
      if (sandbox == null) {
        say("c");
        sandbox = provider.create(spec);
      }
      say("e");
      sandbox.exec("setsid sleep 1000 & sleep 1001 & : > /tmp/x; echo; exit 3");
      sandbox.startBackground(Command.shell("exec sleep 1002"));
      say("u");
      sandbox.upload(local.resolve("in"), "/tmp/in");
      say("d");
      sandbox.download("/tmp/in", local.resolve("out"));
      say("s");
      sandbox.stop();
      sandbox = null;
    }
  }

  /** Makes a sandbox with something in it, and says its id. */
  private Sandbox leave() throws InterruptedException {
    Sandbox sandbox = provider.create(spec);
    sandbox.exec("setsid sleep 1000 >/dev/null 2>&1 &");
    sandbox.startBackground(Command.shell("exec sleep 1002"));
    say(sandbox.id() + "\n");
    return sandbox;
  }

  private void detach(Duration ttl) throws InterruptedException {
    Sandbox sandbox = provider.create(spec.toBuilder().ttl(ttl).build());
    sandbox.ability(Reconnect.class).orElseThrow().detach();
    say(sandbox.ability(Reconnect.class).orElseThrow().serialize() + "\n");
  }

  /** Creates, uses and stops until its input ends; every surprise is a line. */
  private void cycle() throws Exception {
    say("ready\n");
    int count = 0;
    for (; !ended(); count++) {
      try (Sandbox sandbox = provider.create(spec)) {
        for (int i = 0; i < 5; i++) {
          ExecResult result = sandbox.exec("echo $((" + i + "+1))");
          if (!result.stdout().equals((i + 1) + "\n")) {
            say("bad: " + sandbox.id() + " " + result + " " + result.exit() + "\n");
          }
        }
        if (!Files.isDirectory(
            Path.of(System.getenv("BERTH_STATE_HOME"), "sandboxes", sandbox.id()))) {
          say("bad: the folder of " + sandbox.id() + " is gone\n");
        }
      } catch (SandboxException e) {
        say("bad: " + e.toString().replace('\n', ' ') + "\n");
      }
    }
    say("cycles " + count + "\n");
  }

  private static final AtomicReference<Boolean> INPUT_ENDED = new AtomicReference<>();

  private static boolean ended() {
    if (INPUT_ENDED.compareAndSet(null, false)) {
      Thread.ofPlatform()
          .daemon()
          .start(() -> {
            try {
              System.in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException e) {
              // Ended too.
            }
            INPUT_ENDED.set(true);
          });
    }
    return INPUT_ENDED.get();
  }

  private void reap() throws Exception {
    say("ready\n");
    int count = 0;
    for (; !ended(); count++) {
      for (String line : provider.reap()) {
        say("reaped: " + line + "\n");
      }
      provider.list();
    }
    say("reaps " + count + "\n");
  }

  /** Interrupts a thread at random moments of what it does; says what came of it. */
  private void interrupts(int times, Random random) throws Exception {
    for (int i = 0; i < times; i++) {
      int phase = i % 5;
      String name = List.of("create", "exec", "upload", "download", "stop").get(phase);
      Sandbox sandbox = phase == 0 ? null : provider.create(spec);
      if (phase == 3) {
        sandbox.upload(local.resolve("in"), "/tmp/in");
      }
      AtomicReference<String> outcome = new AtomicReference<>("nothing");
      CountDownLatch begun = new CountDownLatch(1);
      CountDownLatch over = new CountDownLatch(1);
      boolean virtual = random.nextBoolean();
      Thread thread =
          (virtual ? Thread.ofVirtual() : Thread.ofPlatform())
              .start(() -> {
                begun.countDown();
                outcome.set(outcome(sandbox, phase));
                over.countDown();
              });
      begun.await();
      long most = phase == 0 ? 400_000 : phase == 1 ? 1_000_000 : 30_000;
      TimeUnit.MICROSECONDS.sleep(random.nextLong(most));
      long at = System.nanoTime();
      thread.interrupt();
      if (!over.await(30, TimeUnit.SECONDS)) {
        say("bad: " + name + " hangs after an interrupt\n");
        for (StackTraceElement element : thread.getStackTrace()) {
          say("  " + element + "\n");
        }
      }
      long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - at);
      if (sandbox != null) {
        if (phase != 4 && !sandbox.exec("echo on").stdout().equals("on\n")) {
          say("bad: unusable after an interrupt of " + name + "\n");
        }
        sandbox.close();
      }
      List<String> left = new ArrayList<>();
      for (var folder : provider.list()) {
        left.add(folder.id());
      }
      say(
          (left.isEmpty() ? "" : "bad: left " + left + " ")
              + name
              + " "
              + outcome.get()
              + " "
              + took
              + "\n");
    }
  }

  private String outcome(Sandbox sandbox, int phase) {
    try {
      switch (phase) {
        case 0 -> {
          Sandbox made = provider.create(spec);
          boolean pending = Thread.currentThread().isInterrupted();
          made.close();
          return pending || Thread.currentThread().isInterrupted() ? "done,flag" : "done";
        }
        case 1 -> sandbox.exec("setsid sleep 1000 & sleep 1003");
        case 2 -> sandbox.upload(local.resolve("in"), "/tmp/in");
        case 3 -> sandbox.download("/tmp/in", local.resolve("out"));
        default -> sandbox.stop();
      }
      return Thread.currentThread().isInterrupted() ? "done,flag" : "done";
    } catch (InterruptedException e) {
      return "interrupted";
    } catch (Exception e) {
      // Whatever it is, it is printed for the parent, whose test fails by it.
      return "threw " + e.toString().replace('\n', ' ');
    }
  }

  /** On a small disk: the sandbox fills it, the host does, and it is full from the start. */
  private void disk(Path filler) throws Exception {
    long start = System.nanoTime();
    Sandbox sandbox = provider.create(spec);
    ExecResult filled =
        sandbox.exec(
            "cat /dev/zero > /tmp/full; for i in 1 2 3 4 5 6 7 8 9; do echo x > /tmp/f$i; done; echo still");
    say("the sandbox filled it: " + filled.returnCode() + " " + filled.stdout());
    sandbox.startBackground(
        Command.shell("while :; do cat /dev/zero >> /tmp/full; done 2>/dev/null"));
    long at = System.nanoTime();
    sandbox.stop();
    say(
        "stopped in "
            + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - at)
            + " left "
            + provider.list()
            + CrashRig.running(sandbox.id())
            + "\n");

    Sandbox other = provider.create(spec);
    fill(filler);
    say("exec on a full disk: " + other.exec("echo on").stdout());
    other.stop();
    say("stopped, left " + provider.list() + CrashRig.running(other.id()) + "\n");
    fill(filler);
    for (int i = 0; i < 5; i++) {
      try {
        provider.create(spec).close();
        say(i == 0 ? "bad: created on a full disk\n" : "created with some room\n");
      } catch (CreateException e) {
        say("refused: " + String.valueOf(e.getMessage()).replace('\n', ' ') + "\n");
      }
      // A little more room each time, so that it fails further on.
      try (var file = new java.io.RandomAccessFile(filler.toFile(), "rw")) {
        file.setLength(Math.max(0, file.length() - 4096L * (i + 1)));
      }
    }
    Files.delete(filler);
    say("reaped " + provider.reap() + "\n");
    Path state = Path.of(System.getenv("BERTH_STATE_HOME"));
    try (var paths = Files.walk(state)) {
      say(
          "left "
              + paths.filter(path -> path.getNameCount() > state.getNameCount() + 1).toList()
              + CrashRig.running(state.resolve("sandboxes").toString())
              + "\n");
    }
    try (Sandbox again = provider.create(spec)) {
      say("again " + again.exec("echo on").stdout());
    }
    say("took " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start) + "\n");
  }

  private static void fill(Path filler) throws IOException {
    byte[] block = new byte[4096];
    try (var out =
        Files.newOutputStream(
            filler,
            java.nio.file.StandardOpenOption.CREATE,
            java.nio.file.StandardOpenOption.APPEND)) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      // Full.
    }
  }
}
