package dev.berth.fargate.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.berth.CreateException;
import dev.berth.RequestException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tunnels to a real sshd: ports both ways, keys, late and lost servers. */
@Tag("rig")
@Timeout(90)
class TunnelIT {
  @TempDir Path folder;
  private Sshd sshd;
  private ServerSocket server;

  @BeforeEach
  void start() throws Exception {
    sshd = Sshd.start(folder.resolve("sshd"));
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::echo);
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
    sshd.close();
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(sshThreads()).as("threads that are left").isEmpty());
  }

  /**
   * But those of the library that help when keys are renewed, or close a connection by a reverse
   * forward, and end after a minute.
   */
  private static List<String> sshThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("berth-ssh") || name.startsWith("sshd-"))
        .filter(name -> !name.startsWith("sshd-kex-flusher"))
        .filter(name -> !name.startsWith("sshd-TcpIpServerChannel-ConnectorCleanup"))
        .toList();
  }

  /** Says back what it is told until the other end has said all, then closes. */
  private void echo() {
    while (true) {
      try {
        Socket client = server.accept();
        Thread.ofVirtual()
            .start(() -> {
              try (client) {
                client.getInputStream().transferTo(client.getOutputStream());
              } catch (IOException e) {
                // The other end has closed it.
              }
            });
      } catch (IOException e) {
        return;
      }
    }
  }

  private static String say(int port, String text) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private Forward toServer(int port) {
    return new Forward(port, "localhost", server.getLocalPort());
  }

  @Test
  void portsLeadBothWays() throws Exception {
    Forward in = toServer(0);
    Forward out = new Forward(Sshd.freePort(), "127.0.0.1", server.getLocalPort());
    Forward same = new Forward(0, "127.0.0.1", server.getLocalPort());
    try (SshTunnel tunnel = sshd.tunnel().forward(in).reverse(out).reverse(same).build()) {
      assertThat(tunnel.isOpen()).isFalse();
      tunnel.open();

      assertThat(tunnel.isOpen()).isTrue();
      assertThat(tunnel.localPort()).isEqualTo(tunnel.localPort(in)).isPositive();
      assertThat(say(tunnel.localPort(), "in")).isEqualTo("in");
      assertThat(tunnel.remotePort(out)).as("the port asked for").isEqualTo(out.port());
      assertThat(tunnel.remotePort(same)).as("equal targets share").isEqualTo(out.port());
      assertThat(say(out.port(), "out")).isEqualTo("out");
      String much = "0123456789abcdef".repeat(300_000);
      assertThat(say(tunnel.localPort(), much)).isEqualTo(much);
      assertThat(say(out.port(), much)).isEqualTo(much);
      assertThatThrownBy(tunnel::open).isInstanceOf(RequestException.class);
    }
  }

  @Test
  void whatTheTaskConnectsAtOnceIsBounded() throws Exception {
    Forward out = new Forward(Sshd.freePort(), "127.0.0.1", server.getLocalPort());
    List<Socket> held = new ArrayList<>();
    try (SshTunnel tunnel = sshd.tunnel().reverse(out).build()) {
      tunnel.open();
      for (int i = 0; i < 128; i++) {
        Socket one = new Socket(InetAddress.getLoopbackAddress(), out.port());
        held.add(one);
        one.setSoTimeout(20_000);
        one.getOutputStream().write(i);
        assertThat(one.getInputStream().read()).isEqualTo(i);
      }
      assertThat(saidIfAny(out.port())).as("one too many").isNotEqualTo("x");
      assertThat(tunnel.isOpen()).isTrue();
      held.get(0).close();
      await()
          .atMost(Duration.ofSeconds(10))
          .untilAsserted(() -> assertThat(saidIfAny(out.port())).isEqualTo("x"));
    } finally {
      for (Socket one : held) {
        one.close();
      }
    }
  }

  /** What is said back; empty if it is refused. */
  private static String saidIfAny(int port) {
    try {
      return say(port, "x");
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void aPortThatIsTakenInTheTaskIsReplaced() throws Exception {
    // The target's own port is preferred, but in this task it is the server's.
    try (SshTunnel tunnel = sshd.tunnel().reverse(toServer(0)).build()) {
      tunnel.open();

      int port = tunnel.remotePort(toServer(0));
      assertThat(port).isNotEqualTo(server.getLocalPort()).isBetween(20_000, 60_999);
      assertThat(say(port, "out")).isEqualTo("out");
    }
  }

  @Test
  void aClosedTunnelLeavesNoPort() throws Exception {
    Forward out = new Forward(Sshd.freePort(), "127.0.0.1", server.getLocalPort());
    SshTunnel tunnel = sshd.tunnel().forward(toServer(0)).reverse(out).build();
    tunnel.open();
    int local = tunnel.localPort();
    tunnel.close();
    tunnel.close();

    assertThat(tunnel.isOpen()).isFalse();
    for (int port : new int[] {local, out.port()}) {
      await()
          .atMost(Duration.ofSeconds(10))
          .untilAsserted(
              () -> assertThatThrownBy(() -> say(port, "x")).isInstanceOf(IOException.class));
    }
  }

  @Test
  void anotherHostIsNotTalkedTo() throws Exception {
    String expected = sshd.hostKey();
    sshd.kill();
    sshd.newHostKey();
    sshd.start();
    SshTunnel tunnel =
        SshTunnel.to("127.0.0.1")
            .port(sshd.port())
            .user(System.getProperty("user.name"))
            .key(sshd.userKey())
            .hostKey(expected)
            .build();
    long began = System.nanoTime();

    assertThatThrownBy(tunnel::open)
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("another host answers");
    assertThat(Duration.ofNanos(System.nanoTime() - began))
        .as("it is not tried again")
        .isLessThan(Duration.ofSeconds(20));
    assertThat(sshd.log()).as("the key was not offered").doesNotContain("Accepted");
  }

  @Test
  void theSidecarOfAnotherTaskIsRefused() throws Exception {
    SshTunnel tunnel = sshd.tunnel().task("task-2").build();
    assertThatThrownBy(tunnel::open)
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("another task");
  }

  @Test
  void aKeyThatIsNotTakenIsSaid() throws Exception {
    try (Sshd other = Sshd.prepare(folder.resolve("other"), "127.0.0.1", 1)) {
      SshTunnel tunnel = sshd.tunnel().key(other.userKey()).build();
      assertThatThrownBy(tunnel::open)
          .isInstanceOf(CreateException.class)
          .hasMessageContaining("does not take this key");
    }
  }

  @Test
  void keysThatAreNoneAreRefusedAndNotSaid() throws Exception {
    String secret =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
    assertThatThrownBy(() -> sshd.tunnel().key(secret).build())
        .isInstanceOf(RequestException.class)
        .hasMessageNotContaining("c2VjcmV0");
    assertThatThrownBy(() -> sshd.tunnel().key("").build()).isInstanceOf(RequestException.class);
    assertThatThrownBy(() -> sshd.tunnel().hostKey("ssh-ed25519 nonsense").build())
        .isInstanceOf(RequestException.class);
    String key = sshd.userKey();
    assertThatThrownBy(() -> SshTunnel.to("127.0.0.1").key(key).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("host key");
  }

  @Test
  void aLateServerIsWaitedFor() throws Exception {
    sshd.kill();
    try (SshTunnel tunnel = sshd.tunnel().forward(toServer(0)).build()) {
      Thread late =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  TimeUnit.MILLISECONDS.sleep(700);
                  sshd.start();
                } catch (IOException | InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      tunnel.open();
      late.join();

      assertThat(say(tunnel.localPort(), "x")).isEqualTo("x");
    }
  }

  @Test
  void aServerThatNeverComesIsGivenUp() throws Exception {
    sshd.kill();
    SshTunnel tunnel = sshd.tunnel().readyWithin(Duration.ofSeconds(1)).build();
    assertThatThrownBy(tunnel::open)
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("could not be reached by SSH for PT1S");
    assertThat(tunnel.isOpen()).isFalse();

    SshTunnel dead = sshd.tunnel().ended(() -> "its task stopped: OutOfMemory").build();
    assertThatThrownBy(dead::open)
        .isInstanceOf(CreateException.class)
        .hasMessageContaining("OutOfMemory");
    sshd.start();
  }

  @Test
  void aKilledServerHealsAndItsPortsStay() throws Exception {
    Forward out = new Forward(Sshd.freePort(), "127.0.0.1", server.getLocalPort());
    try (SshTunnel tunnel = sshd.tunnel().forward(toServer(0)).reverse(out).build()) {
      tunnel.open();
      int local = tunnel.localPort();
      sshd.kill();
      await().atMost(Duration.ofSeconds(10)).until(() -> !tunnel.isOpen());
      sshd.start();

      assertThat(say(local, "who connects meanwhile waits")).isNotEmpty();
      assertThat(tunnel.isOpen()).isTrue();
      assertThat(tunnel.localPort()).isEqualTo(local);
      assertThat(tunnel.remotePort(out)).isEqualTo(out.port());
      assertThat(say(out.port(), "out")).isEqualTo("out");
    }
  }

  @Test
  void aHostThatTakesItsPlaceEndsTheTunnel() throws Exception {
    try (SshTunnel tunnel = sshd.tunnel().forward(toServer(0)).build()) {
      tunnel.open();
      sshd.kill();
      sshd.newHostKey();
      sshd.start();

      await().atMost(Duration.ofSeconds(20)).until(() -> tunnel.lost().isPresent());
      assertThat(tunnel.lost().orElseThrow()).contains("another host answers");
    }
  }

  /** The server still believes in the session that was cut, and so holds its port. */
  @Test
  void aHeldRemotePortIsReclaimed() throws Exception {
    Forward out = new Forward(Sshd.freePort(), "127.0.0.1", server.getLocalPort());
    try (Relay relay = new Relay(sshd.port());
        SshTunnel tunnel = sshd.tunnel().port(relay.port()).reverse(out).build()) {
      tunnel.open();
      assertThat(say(out.port(), "before")).isEqualTo("before");

      relay.cut();
      await().atMost(Duration.ofSeconds(8)).until(() -> !tunnel.isOpen());
      relay.abandon();
      relay.heal();

      await().atMost(Duration.ofSeconds(30)).until(tunnel::isOpen);
      assertThat(tunnel.remotePort(out)).isEqualTo(out.port());
      assertThat(say(out.port(), "after")).isEqualTo("after");
    }
  }

  /** It has often ended before all of its input, or the end of that, was sent. */
  @Test
  void aCommandThatReadsNoInputHasItsCode() throws Exception {
    try (SshTunnel tunnel = sshd.tunnel().build()) {
      tunnel.open();
      SshConnection connection = tunnel.connection(Duration.ofSeconds(10));
      String failing = "echo no; printf 'b\\302\\233ad\\n' >&2; exit 3";
      for (int i = 0; i < 30; i++) {
        byte[] input = new byte[i % 2 == 0 ? 0 : 300_000];
        SshConnection.Said said = connection.run(failing, input, Duration.ofSeconds(30));
        assertThat(said).isEqualTo(new SshConnection.Said(3, "no\n", "b\u009bad\n"));
        assertThat(said.failure()).endsWith(" code 3: b ad");
      }
    }
  }

  @Test
  void aSlowReaderStopsItsSender() throws Exception {
    try (ServerSocket flood = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        SshTunnel tunnel =
            sshd.tunnel().forward(new Forward(0, "127.0.0.1", flood.getLocalPort())).build()) {
      tunnel.open();
      SshChannel channel =
          tunnel
              .connection(Duration.ofSeconds(10))
              .channel("127.0.0.1", flood.getLocalPort(), Duration.ofSeconds(10));
      java.util.concurrent.atomic.AtomicLong sent = new java.util.concurrent.atomic.AtomicLong();
      Thread.ofVirtual()
          .start(() -> {
            byte[] bytes = new byte[1 << 16];
            try (Socket to = flood.accept()) {
              while (sent.get() < 1 << 30) {
                to.getOutputStream().write(bytes);
                sent.addAndGet(bytes.length);
              }
            } catch (IOException e) {
              // Closed by the test.
            }
          });
      await()
          .pollInterval(Duration.ofMillis(300))
          .atMost(Duration.ofSeconds(20))
          .until(() -> channel.waiting() == SshChannel.WINDOW);
      await().during(Duration.ofMillis(500)).until(() -> channel.waiting() <= SshChannel.WINDOW);
      assertThat(sent.get()).isLessThan(64 << 20);
      channel.close();
    }
  }
}
