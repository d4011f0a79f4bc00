package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Command;
import dev.berth.ExecResult;
import dev.berth.SandboxProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Connections that break at any byte: nothing is lost, doubled, or run twice. */
@Timeout(120)
final class ReconnectIT {
  @TempDir Path folder;

  private final AtomicInteger cuts = new AtomicInteger();

  /** A way that is cut, in either direction, after so many bytes. */
  private final class Fragile implements ByteChannel {
    private final ByteChannel inner;
    private long left;

    Fragile(ByteChannel inner, int atMost) {
      this.inner = inner;
      this.left = 200L + ThreadLocalRandom.current().nextInt(atMost);
    }

    @Override
    public int read(ByteBuffer to) throws IOException {
      int limit = to.limit();
      to.limit((int) Math.min(limit, to.position() + Math.max(1, left())));
      try {
        return spend(inner.read(to));
      } finally {
        to.limit(limit);
      }
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
      int limit = from.limit();
      from.limit((int) Math.min(limit, from.position() + Math.max(1, left())));
      try {
        return spend(inner.write(from));
      } finally {
        from.limit(limit);
      }
    }

    private synchronized long left() {
      return left;
    }

    private synchronized int spend(int count) throws IOException {
      left -= count;
      if (left <= 0 && inner.isOpen()) {
        cuts.incrementAndGet();
        inner.close();
        throw new IOException("cut");
      }
      return count;
    }

    @Override
    public boolean isOpen() {
      return inner.isOpen();
    }

    @Override
    public void close() throws IOException {
      inner.close();
    }
  }

  @Test
  void everyCommandRunsOnceAndIsAnsweredWhole() throws Exception {
    Path runs = Files.createDirectory(folder.resolve("runs"));
    ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
    try (GuestSandbox sandbox = RealGuest.sandbox(folder, c -> new Fragile(c, 100_000))) {
      List<Thread> callers = new ArrayList<>();
      for (int caller = 0; caller < 8; caller++) {
        String name = "c" + caller;
        callers.add(Thread.ofPlatform().start(() -> call(sandbox, runs, name, wrong)));
      }
      for (Thread caller : callers) {
        caller.join();
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(cuts.get()).isGreaterThan(10);
    try (var files = Files.list(runs)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        assertThat(Files.size(file)).as("runs of " + file).isEqualTo(1);
      }
    }
  }

  private static void call(
      GuestSandbox sandbox, Path runs, String name, ConcurrentLinkedQueue<String> wrong) {
    Random random = new Random(name.hashCode());
    for (int i = 0; i < 40; i++) {
      String input = "x".repeat(random.nextInt(8_000)) + name + i;
      try {
        ExecResult result =
            sandbox.exec(
                Command.shell("printf . >>" + runs + "/" + name + "." + i + "; cat; printf e >&2")
                    .withStdin(input));
        if (!result.ok() || !result.stdout().equals(input) || !result.stderr().equals("e")) {
          wrong.add(name + i + ": " + result.exit() + " " + result.stdout().length());
        }
      } catch (InterruptedException | RuntimeException e) {
        wrong.add(name + i + ": " + e);
      }
    }
  }

  @Test
  void longStreamsGoOnWhereTheyWere() throws Exception {
    byte[] data = new byte[12 << 20];
    new Random(5).nextBytes(data);
    try (GuestSandbox sandbox = RealGuest.sandbox(folder, c -> new Fragile(c, 2_000_000));
        SandboxProcess cat = sandbox.start(Command.of("cat"))) {
      Thread writer =
          Thread.ofVirtual()
              .start(() -> {
                try (OutputStream in = cat.stdin()) {
                  in.write(data);
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      MessageDigest seen = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[70_000];
      for (int got = cat.stdout().read(buffer); got >= 0; got = cat.stdout().read(buffer)) {
        seen.update(buffer, 0, got);
      }
      writer.join();
      assertThat(seen.digest()).isEqualTo(MessageDigest.getInstance("SHA-256").digest(data));
      assertThat(cat.await().returnCode()).isZero();
      assertThat(cuts.get()).isGreaterThan(10);
    }
  }

  @Test
  void nothingIsLeftInTheGuest() throws Exception {
    try (GuestSandbox sandbox = RealGuest.sandbox(folder, c -> new Fragile(c, 4_000))) {
      HashSet<String> seen = new HashSet<>();
      for (int i = 0; i < 100; i++) {
        seen.add(sandbox.exec("echo " + i).stdout());
      }
      assertThat(seen).hasSize(100);
      org.awaitility.Awaitility.await().until(() -> sandbox.processes().isEmpty());
    }
  }
}
