package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.SandboxLostException;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.TransferException;
import dev.berth.TransferLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A guest replaced by an attacker: typed errors, in time, and memory as ever. */
@Timeout(60)
final class HostileGuestTest {
  @TempDir Path folder;

  private static GuestSandbox create(FakeGuest guest, Duration within) throws InterruptedException {
    return GuestSandbox.create(
        guest, SandboxSpec.builder().build(), Defaults.NONE, Probe.NONE, within);
  }

  /** What an attacker may say once it knows a command's id. */
  enum Attack {
    HUGE_LENGTH("frame of 4294967295 bytes"),
    ZERO_LENGTH("frame of 0 bytes"),
    OVER_ONE_MIB("frame of 1048577 bytes"),
    UNKNOWN_TYPE("frame of type 119"),
    HOST_TYPE("frame of type 2"),
    SHORT_FRAME("too short"),
    LEFT_OVER("left over"),
    NEGATIVE_OFFSET("count of"),
    OFFSET_BACKWARDS("offset 0 where 3 is due"),
    OFFSET_AHEAD("offset 9999 where 0 is due"),
    WRONG_CHANNEL("channel 7"),
    INPUT_NEVER_SENT("input taken"),
    ENDS_WITHIN_FRAME("within a frame"),
    FAULT("fault 1"),
    HUGE_LISTING("listing of");

    private final String said;

    Attack(String said) {
      this.said = said;
    }

    void on(FakeGuest.Peer peer, long id) throws IOException {
      switch (this) {
        case HUGE_LENGTH -> peer.raw(new byte[] {-1, -1, -1, -1, 1});
        case ZERO_LENGTH -> peer.raw(new byte[] {0, 0, 0, 0, 0});
        case OVER_ONE_MIB -> peer.raw(new byte[] {0, 16, 0, 1, (byte) Wire.OUTPUT});
        case UNKNOWN_TYPE -> peer.send(to -> to.begin(119).u64(id).end());
        case HOST_TYPE -> peer.send(to -> to.begin(Wire.SPAWN).u64(id).end());
        case SHORT_FRAME -> peer.send(to -> to.begin(Wire.STARTED).u32(1).end());
        case LEFT_OVER -> peer.send(to -> to.begin(Wire.STARTED).u64(id).u32(1).u64(0).u8(0).end());
        case NEGATIVE_OFFSET -> output(peer, id, 1, -1, 3);
        case OFFSET_BACKWARDS -> {
          output(peer, id, 1, 0, 3);
          output(peer, id, 1, 0, 3);
        }
        case OFFSET_AHEAD -> output(peer, id, 1, 9999, 3);
        case WRONG_CHANNEL -> output(peer, id, 7, 0, 3);
        case INPUT_NEVER_SENT -> peer.send(to -> to.begin(Wire.TAKEN).u64(id).u64(5).u8(0).end());
        case ENDS_WITHIN_FRAME -> peer.raw(new byte[] {0, 0, 1, 0, (byte) Wire.OUTPUT, 1, 2});
        case FAULT -> peer.send(to -> to.begin(Wire.FAULT).u8(1).str("no").end());
        case HUGE_LISTING -> peer.send(to -> to.begin(Wire.LISTING).u32(0x7fff_ffff).end());
      }
    }
  }

  private static void output(FakeGuest.Peer peer, long id, int channel, long offset, int length)
      throws IOException {
    peer.send(to ->
        to.begin(Wire.OUTPUT)
            .u64(id)
            .u8(channel)
            .u64(offset)
            .raw(new byte[length], 0, length)
            .end());
  }

  private static void exit(FakeGuest.Peer peer, long id) throws IOException {
    peer.send(to ->
        to.begin(Wire.EXIT)
            .u64(id)
            .u8(0)
            .u32(0)
            .u8(0)
            .u64(0)
            .u64(0)
            .u64(0)
            .u64(0)
            .u64(0)
            .u8(0)
            .str("")
            .end());
  }

  @ParameterizedTest
  @EnumSource
  void everyAttackEndsInATypedResult(Attack attack) throws Exception {
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(1);
          long id = peer.await(Wire.SPAWN);
          peer.send(to -> to.begin(Wire.STARTED).u64(id).u32(9).u64(0).end());
          attack.on(peer, id);
          if (attack != Attack.ENDS_WITHIN_FRAME) {
            peer.drain();
          }
        };
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5))) {
      guest.gone = attack == Attack.FAULT;
      ExecResult result = sandbox.exec(Command.of("true"));
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.returnCode()).isEqualTo(125);
      assertThat(result.exit().detail())
          .contains(attack == Attack.FAULT ? "guest is gone" : attack.said);
      assertThatThrownBy(() -> sandbox.start(Command.of("true")))
          .isInstanceOf(SandboxLostException.class);
      assertThat(sandbox.status()).isEqualTo(SandboxStatus.ERROR);
    }
  }

  @Test
  void endlessOutputStaysBounded() throws Exception {
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(1);
          long id = peer.await(Wire.SPAWN);
          peer.send(to -> to.begin(Wire.STARTED).u64(id).u32(9).u64(0).end());
          Thread.ofVirtual().start(() -> flood(peer, id));
          peer.drain();
        };
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5))) {
      ExecResult result = sandbox.exec(Command.of("true").withOutputLimit(100));
      assertThat(result.ok()).isTrue();
      assertThat(result.stdout()).hasSize(100);
      assertThat(result.stdoutTruncated()).isTrue();
    }
  }

  @Test
  void aWindowIsNotOverrun() throws Exception {
    CountDownLatch started = new CountDownLatch(1);
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(1);
          long id = peer.await(Wire.SPAWN);
          peer.send(to -> to.begin(Wire.STARTED).u64(id).u32(9).u64(0).end());
          awaitQuietly(started);
          for (long i = 0; i < 10_000; i++) {
            output(peer, id, 1, i * 65536, 65536);
          }
        };
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5));
        var process = sandbox.start(Command.of("true"))) {
      started.countDown();
      assertThat(process.await().errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(process.await().detail()).contains("beyond its window");
      assertThatThrownBy(() -> process.stdout().readAllBytes()).isInstanceOf(IOException.class);
    }
  }

  @Test
  void garbageInPlaceOfAWelcome() throws Exception {
    byte[] garbage = new byte[4096];
    new Random(7).nextBytes(garbage);
    garbage[0] = 0;
    garbage[1] = 0;
    try (FakeGuest guest =
        new FakeGuest(
            folder,
            (number, peer) -> {
              peer.raw(garbage);
              peer.drain();
            })) {
      assertThatThrownBy(() -> create(guest, Duration.ofSeconds(2)))
          .isInstanceOf(CreateException.class);
      assertThat(guest.destroyed).hasValue(1);
    }
  }

  @Test
  void neverAnswering() throws Exception {
    try (FakeGuest guest = new FakeGuest(folder, (number, peer) -> peer.drain())) {
      assertThatThrownBy(() -> create(guest, Duration.ofMillis(500)))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("did not answer");
      assertThat(guest.destroyed).hasValue(1);
    }
  }

  @Test
  void anotherGuestInItsPlaceIsNotTalkedTo() throws Exception {
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(number);
          if (number > 1) {
            peer.drain();
          } else {
            peer.await(Wire.SPAWN);
          }
        };
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5))) {
      ExecResult result = sandbox.exec(Command.of("true"));
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.exit().detail()).contains("another guest");
    }
  }

  @Test
  void aGuestThatHoldsNoDeadlineIsNotWaitedFor() throws Exception {
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(1);
          long id = peer.await(Wire.SPAWN);
          peer.send(to -> to.begin(Wire.STARTED).u64(id).u32(9).u64(0).end());
          output(peer, id, 1, 0, 5);
          peer.drain();
        };
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5))) {
      ExecResult result =
          sandbox.exec(
              Command.of("true").withTimeout(Duration.ofMillis(1)).withGrace(Duration.ZERO));
      assertThat(result.errorType()).isEqualTo(ErrorType.TIMEOUT);
      assertThat(result.stdout()).hasSize(5);
    }
  }

  /** Tree streams that try to get out of their folder. */
  enum Tree {
    UP,
    SLASH,
    EMPTY,
    NUL,
    TWO_ROOTS,
    LEAVES_ROOT,
    THROUGH_LINK,
    TOO_DEEP,
    NEGATIVE_SIZE,
    HUGE_MODE,
    CUT,
    FINE;

    void on(FrameWriter to) {
      switch (this) {
        case UP -> entry(to, 'D', "..");
        case SLASH -> entry(to, 'D', "a/../../x");
        case EMPTY -> entry(to, 'D', "");
        case NUL -> entry(to, 'D', "a\0b");
        case TWO_ROOTS -> {
          file(to, "a");
          file(to, "b");
        }
        case LEAVES_ROOT -> {
          entry(to, 'D', "a");
          to.u8('U').u8('U');
          file(to, "x");
        }
        case THROUGH_LINK -> {
          entry(to, 'D', "a");
          entry(to, 'L', "out");
          to.u16(2).raw(new byte[] {'.', '.'}, 0, 2);
          entry(to, 'D', "out");
          file(to, "planted");
          to.u8('U').u8('U');
        }
        case TOO_DEEP -> {
          for (int i = 0; i < 300; i++) {
            entry(to, 'D', "d");
          }
        }
        case NEGATIVE_SIZE -> {
          entry(to, 'F', "a");
          to.u64(-5);
        }
        case HUGE_MODE -> to.u8('D').u32(-1).u64(0).u32(0).u16(1).u8('a');
        case CUT -> entry(to, 'D', "a");
        case FINE -> file(to, "a");
      }
      TreeStream.end(to, 0, "");
    }

    private static void entry(FrameWriter to, char kind, String name) {
      byte[] bytes = name.getBytes(java.nio.charset.StandardCharsets.UTF_8);
      to.u8(kind).u32(06755).u64(0).u32(0).u16(bytes.length).raw(bytes, 0, bytes.length);
    }

    private static void file(FrameWriter to, String name) {
      entry(to, 'F', name);
      to.u64(1).u8('x').u8(0);
    }
  }

  @ParameterizedTest
  @EnumSource
  void treesStayInTheirFolder(Tree tree) throws Exception {
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(1);
          if (number == 1) {
            peer.drain();
          }
          peer.await(Wire.OPEN);
          peer.send(to -> {
            to.begin(Wire.OPENED).u32(0).str("").end();
            tree.on(to);
          });
        };
    Path target = Files.createDirectories(folder.resolve("x/target"));
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5))) {
      if (tree == Tree.FINE) {
        assertThat(sandbox.download("/a", target).files()).isEqualTo(1);
        assertThat((Integer) Files.getAttribute(target.resolve("a"), "unix:mode") & 07777)
            .isEqualTo(0755);
      } else {
        assertThatThrownBy(() -> sandbox.download("/a", target))
            .isInstanceOf(TransferException.class);
      }
      assertThat(folder.resolve("x")).isDirectoryNotContaining(p -> !p.endsWith("target"));
      try (var all = Files.walk(target)) {
        assertThat(all.map(p -> p.getFileName().toString()))
            .noneMatch(name -> name.contains("planted") || name.startsWith(".berth"));
      }
    }
  }

  /** What comes over the raw connection of a transfer that has no end. */
  enum Endless {
    ENTRIES("more than 1000 files", TransferLimits.DEFAULT.withEntries(1000)),
    EMPTY_FILES("more than 1000 files", TransferLimits.DEFAULT.withEntries(1000)),
    BYTES("more than 5000 bytes", TransferLimits.DEFAULT.withBytes(5000)),
    A_FILE_LARGER_THAN_ANY_DISK("has room for", TransferLimits.DEFAULT),
    SILENCE("nothing moved", TransferLimits.DEFAULT.withSilence(Duration.ofMillis(300))),
    A_TRICKLE("not done after", TransferLimits.DEFAULT.withTime(Duration.ofMillis(500)));

    private final String said;
    private final TransferLimits limits;

    Endless(String said, TransferLimits limits) {
      this.said = said;
      this.limits = limits;
    }

    void send(FakeGuest.Peer peer) throws IOException {
      peer.send(to -> Tree.entry(to, 'D', "root"));
      for (int i = 0; this != SILENCE || i == 0; i++) {
        String name = "n" + i;
        switch (this) {
          case ENTRIES -> peer.send(to -> to.u8('S').u8(1).u16(1).u8('p'));
          case EMPTY_FILES ->
              peer.send(to -> {
                Tree.entry(to, 'F', name);
                to.u64(0).u8(0);
              });
          case BYTES -> peer.send(to -> Tree.file(to, name));
          case A_FILE_LARGER_THAN_ANY_DISK ->
              peer.send(to -> {
                Tree.entry(to, 'F', name);
                to.u64(1L << 60).raw(new byte[60_000], 0, 60_000);
              });
          case A_TRICKLE -> {
            peer.send(to -> to.u8('S').u8(1).u16(1).u8('p'));
            LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
          }
          case SILENCE -> {}
        }
      }
      peer.drain();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aDownloadWithoutAnEndIsCut(Endless endless) throws Exception {
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(1);
          if (number == 1) {
            peer.drain();
          }
          peer.await(Wire.OPEN);
          peer.send(to -> to.begin(Wire.OPENED).u32(0).str("").end());
          endless.send(peer);
        };
    Path target = Files.createDirectories(folder.resolve("target"));
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5))) {
      assertThatThrownBy(() -> sandbox.download("/a", target, endless.limits))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining(endless.said);
      try (var all = Files.walk(target)) {
        assertThat(all.map(p -> p.getFileName().toString()))
            .hasSizeLessThan(5003)
            .noneMatch(name -> name.startsWith(".berth"));
      }
    }
  }

  @Test
  void anUploadThatNobodyTakesIsCut() throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    FakeGuest.Behaviour behaviour =
        (number, peer) -> {
          peer.welcome(1);
          if (number == 1) {
            peer.drain();
          }
          peer.await(Wire.OPEN);
          peer.send(to -> to.begin(Wire.OPENED).u32(0).str("").end());
          awaitQuietly(done);
        };
    Path large = Files.write(folder.resolve("large"), new byte[8 << 20]);
    try (FakeGuest guest = new FakeGuest(folder, behaviour);
        GuestSandbox sandbox = create(guest, Duration.ofSeconds(5))) {
      TransferLimits limits = TransferLimits.DEFAULT.withSilence(Duration.ofMillis(300));
      assertThatThrownBy(() -> sandbox.upload(large, "/a", limits))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("nothing moved");
    } finally {
      done.countDown();
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Output of unknown commands, and far more than any window of a known one. */
  private static void flood(FakeGuest.Peer peer, long id) {
    try {
      for (long i = 0; i < 20_000; i++) {
        output(peer, id + 1, 1, i, 1000);
      }
      for (long i = 0; i < 10_000; i++) {
        output(peer, id, 1, i * 65536, 65536);
      }
      exit(peer, id);
    } catch (IOException e) {
      // The host is done with it.
    }
  }
}
