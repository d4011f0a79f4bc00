package dev.berth.fargate.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.ErrorType;
import dev.berth.ExecResult;
import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.GuestSandbox;
import dev.berth.core.guest.Probe;
import dev.berth.core.process.GuestBinary;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.StateHome;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A guest behind a real sshd while the network is cut, servers die, and others pose as it. */
@Tag("rig")
@Timeout(120)
class GuestOverSshIT {
  /** Says a line ten times a second, and leaves a trace of each time that it was run. */
  private static final String LINES =
      "echo run >>runs; i=0; while [ $i -lt %d ]; do echo $i; i=$((i+1)); sleep 0.1; done; exit 7";

  @TempDir Path folder;
  private final FolderRemoval removal = FolderRemoval.with(CacheHome.ofEnvironment());
  private Sshd sshd;

  @BeforeEach
  void start() throws Exception {
    sshd = Sshd.start(folder.resolve("sshd"));
  }

  @AfterEach
  void stop() throws Exception {
    sshd.close();
  }

  private Sandbox sandbox(UnaryOperator<SshTunnel.Builder> change) throws InterruptedException {
    SandboxSpec spec = SandboxSpec.builder().lease(Duration.ofMinutes(2)).build();
    SshLocalGuest guest =
        SshLocalGuest.start(
            StateHome.ofEnvironment().create(SshLocalProvider.NAME), removal, sshd, spec, change);
    return GuestSandbox.create(guest, spec, Defaults.NONE, Probe.NONE, Duration.ofSeconds(30));
  }

  /** A call of {@link #LINES}, once it has begun to speak. */
  private static FutureTask<ExecResult> running(Sandbox sandbox, int lines) throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    FutureTask<ExecResult> call =
        new FutureTask<>(() ->
            sandbox.exec(
                Command.shell(LINES.formatted(lines)).withTimeout(Duration.ofMinutes(3)),
                (channel, bytes) -> begun.countDown()));
    Thread.ofVirtual().start(call);
    assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
    return call;
  }

  /** All of it came, in order, and it was run once. */
  private static void assertWhole(Sandbox sandbox, FutureTask<ExecResult> call, int lines)
      throws Exception {
    ExecResult result = call.get(60, TimeUnit.SECONDS);
    assertThat(result.returnCode()).as("%s", result).isEqualTo(7);
    assertThat(result.stdout())
        .isEqualTo(IntStream.range(0, lines).mapToObj(i -> i + "\n").collect(Collectors.joining()));
    assertThat(sandbox.exec("cat runs").stdout()).isEqualTo("run\n");
  }

  @Test
  void aCutOf3SecondsIsNotNoticed() throws Exception {
    try (Relay relay = new Relay(sshd.port());
        Sandbox sandbox = sandbox(tunnel -> tunnel.port(relay.port()))) {
      FutureTask<ExecResult> call = running(sandbox, 50);
      relay.cut();
      TimeUnit.SECONDS.sleep(3); // The cut itself, not a wait for anything.
      relay.heal();

      assertWhole(sandbox, call, 50);
    }
  }

  @Test
  void aCutOf30SecondsHeals() throws Exception {
    try (Relay relay = new Relay(sshd.port());
        Sandbox sandbox = sandbox(tunnel -> tunnel.port(relay.port()))) {
      // Longer than the cut, and ended within it: both get their results.
      FutureTask<ExecResult> longer = running(sandbox, 310);
      relay.cut();
      TimeUnit.SECONDS.sleep(30); // The cut itself, not a wait for anything.
      relay.abandon();
      relay.heal();

      assertWhole(sandbox, longer, 310);
    }
  }

  @Test
  void aCommandThatEndsWhileTheWayIsCutHasItsResultFetched() throws Exception {
    try (Relay relay = new Relay(sshd.port());
        Sandbox sandbox = sandbox(tunnel -> tunnel.port(relay.port()))) {
      FutureTask<ExecResult> call = running(sandbox, 20);
      relay.cut();
      TimeUnit.SECONDS.sleep(7); // Longer than a break takes to be noticed, and than the command.
      relay.abandon();
      relay.heal();

      assertWhole(sandbox, call, 20);
    }
  }

  @Test
  void aKilledServerThatComesBackLosesNothing() throws Exception {
    try (Sandbox sandbox = sandbox(tunnel -> tunnel)) {
      FutureTask<ExecResult> call = running(sandbox, 30);
      for (int i = 0; i < 2; i++) {
        sshd.kill();
        sshd.start();
        assertThat(sandbox.exec("echo between").stdout()).isEqualTo("between\n");
      }
      assertWhole(sandbox, call, 30);
    }
  }

  @Test
  void aKilledServerThatStaysAwayIsALossByType() throws Exception {
    try (Sandbox sandbox = sandbox(tunnel -> tunnel.healWithin(Duration.ofSeconds(2)))) {
      FutureTask<ExecResult> call = running(sandbox, 600);
      sshd.kill();

      ExecResult result = call.get(30, TimeUnit.SECONDS);
      assertThat(result.errorType()).isEqualTo(ErrorType.SANDBOX);
      assertThat(result.stdout()).startsWith("0\n");
      assertThat(sandbox.exec("true").errorType()).isEqualTo(ErrorType.SANDBOX);
    }
  }

  @Test
  void aHostThatPosesAsTheSidecarMeanwhileIsALoss() throws Exception {
    try (Sandbox sandbox = sandbox(tunnel -> tunnel)) {
      FutureTask<ExecResult> call = running(sandbox, 600);
      sshd.kill();
      sshd.newHostKey();
      sshd.start();

      assertThat(call.get(30, TimeUnit.SECONDS).errorType()).isEqualTo(ErrorType.SANDBOX);
    }
  }

  /** What listens in the guest's place gets nothing, the token least of all. */
  @Test
  void anImpostorOnTheGuestsPortLearnsNothing() throws Exception {
    byte[] token = Sidecar.newToken();
    java.io.ByteArrayOutputStream heard = new java.io.ByteArrayOutputStream();
    try (ServerSocket impostor = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        SshTunnel tunnel = sshd.tunnel().build()) {
      Thread.ofVirtual()
          .start(() -> {
            try (Socket host = impostor.accept()) {
              byte[] knock = host.getInputStream().readNBytes(37);
              heard.writeBytes(knock);
              // PROOF with a nonce and a proof made up.
              host.getOutputStream().write(new byte[] {0, 0, 0, 65, (byte) 0x8D});
              host.getOutputStream().write(new byte[64]);
              heard.writeBytes(host.getInputStream().readAllBytes());
            } catch (IOException e) {
              // The host has closed it.
            }
          });
      tunnel.open();
      GuestHostOf host = new GuestHostOf(tunnel.link(impostor.getLocalPort(), token));
      assertThatThrownBy(() ->
              GuestSandbox.create(
                  host,
                  SandboxSpec.builder().build(),
                  Defaults.NONE,
                  Probe.NONE,
                  Duration.ofSeconds(20)))
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("does not know the token");
      await().untilAsserted(() -> assertThat(heard.size()).isEqualTo(37));
      assertThat(heard.toString(StandardCharsets.ISO_8859_1))
          .doesNotContain(new String(token, StandardCharsets.US_ASCII));
    }
  }

  /** Another process of the task reaches the guest's port, and is told nothing and runs nothing. */
  @Test
  void whoeverKnocksWithoutTheTokenIsRefused() throws Exception {
    try (Sandbox sandbox = sandbox(tunnel -> tunnel)) {
      Path guest = StateHome.ofEnvironment().find(sandbox.id()).orElseThrow().path();
      int port = Integer.parseInt(Files.readString(guest.resolve("port")));
      assertThat(guest.resolve("volume/token")).as("read and deleted").doesNotExist();
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(guest.resolve("own/token"))))
          .isEqualTo("rw-------");
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout(20_000);
        // HELLO with an empty proof, and a SPAWN behind it.
        socket
            .getOutputStream()
            .write(new byte[] {0, 0, 0, 11, 1, 'B', 'R', 'T', 'H', 0, 1, 0, 0, 0, 0});
        socket.getOutputStream().write(new byte[] {0, 0, 0, 1, 0x0B});
        byte[] answer = socket.getInputStream().readNBytes(6);
        assertThat(answer[4] & 0xff).as("FAULT").isEqualTo(0x8F);
        assertThat(answer[5]).as("refused").isEqualTo((byte) 2);
      }
      assertThat(sandbox.exec("echo still").stdout()).isEqualTo("still\n");
    }
  }

  @Test
  void preparingTwiceGivesTheTokenThatHoldsAndChangesNothing() throws Exception {
    try (SshTunnel tunnel = sshd.tunnel().build()) {
      tunnel.open();
      Path own = folder.resolve("own it's");
      Path volume = Files.createDirectory(folder.resolve("volume"));
      byte[] program = GuestBinary.program(GuestBinary.architecture());
      byte[] token = Sidecar.newToken();
      byte[] first = Sidecar.prepare(tunnel, own.toString(), volume.toString(), program, token);
      Files.delete(volume.resolve("token"));
      byte[] second =
          Sidecar.prepare(tunnel, own.toString(), volume.toString(), program, Sidecar.newToken());

      assertThat(first).isEqualTo(token);
      assertThat(second).isEqualTo(token);
      assertThat(volume.resolve("guest")).hasBinaryContent(program).isExecutable();
      assertThat(volume.resolve("token")).as("it is given to one guest only").doesNotExist();
      assertThat(volume.toFile().list()).containsExactly("guest");
    }
  }
}
