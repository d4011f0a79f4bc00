package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Endpoints;
import dev.berth.RequestException;
import dev.berth.SandboxSpec;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ports in both directions. The guest runs on this host's network here, so that each side's server
 * can be played by the test.
 */
@Timeout(60)
final class ForwardsIT {
  @TempDir Path folder;
  private ServerSocket server;
  private RealGuest guest;

  @BeforeEach
  void echo() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    guest = new RealGuest(folder, UnaryOperator.identity());
    Thread.ofVirtual().start(this::serve);
  }

  @AfterEach
  void close() throws IOException {
    server.close();
    guest.kill();
  }

  /**
   * Reads to the end, then answers with all of it: only a half-close that is passed on makes that
   * work.
   */
  private void serve() {
    while (true) {
      try {
        Socket socket = server.accept();
        Thread.ofVirtual()
            .start(() -> {
              try (socket) {
                socket.getOutputStream().write(socket.getInputStream().readAllBytes());
              } catch (IOException e) {
                // The test's other end sees it.
              }
            });
      } catch (IOException e) {
        return;
      }
    }
  }

  private static void roundTrip(int port) throws IOException {
    byte[] data = new byte[3 << 20];
    new Random(1).nextBytes(data);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      Thread writer =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  socket.getOutputStream().write(data);
                  socket.shutdownOutput();
                } catch (IOException e) {
                  // Seen by the reader.
                }
              });
      try (InputStream in = socket.getInputStream()) {
        assertThat(Arrays.equals(in.readAllBytes(), data)).isTrue();
      }
      assertThat(writer.isVirtual()).isTrue();
    }
  }

  @Test
  void endpointsLeadIn() throws Exception {
    int port = server.getLocalPort();
    SandboxSpec spec = RealGuest.isolated().port(port).build();
    int reached;
    try (GuestSandbox sandbox = RealGuest.sandbox(guest, spec)) {
      Endpoints endpoints = sandbox.ability(Endpoints.class).orElseThrow();
      URI url = endpoints.endpoint(port).url();
      assertThat(url.getHost()).isEqualTo("127.0.0.1");
      reached = url.getPort();
      assertThat(reached).isNotEqualTo(port);
      for (int i = 0; i < 5; i++) {
        roundTrip(reached);
      }
      assertThatThrownBy(() -> endpoints.endpoint(1)).isInstanceOf(RequestException.class);
      server.close();
      // Nobody listens any more: the connection is closed, not held.
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), reached)) {
        assertThat(socket.getInputStream().readAllBytes()).isEmpty();
      }
    }
    assertThatThrownBy(() -> new Socket(InetAddress.getLoopbackAddress(), reached).close())
        .isInstanceOf(IOException.class);
  }

  @Test
  void outsideEndpointsLeadOutAndNowhereElse() throws Exception {
    int port = server.getLocalPort();
    String url = "http://localhost:" + port + "/v1?q=1";
    SandboxSpec spec = RealGuest.isolated().outsideEndpoint(url, "SERVICE").build();
    try (GuestSandbox sandbox = RealGuest.sandbox(guest, spec)) {
      String inside = sandbox.resolvedEndpointUrl("SERVICE").orElseThrow();
      // The port is taken here, by the very server, so the sandbox has another.
      URI parsed = URI.create(inside);
      assertThat(inside).matches("http://127\\.0\\.0\\.1:\\d+/v1\\?q=1");
      assertThat(parsed.getPort()).isBetween(20_000, 60_999);
      assertThat(sandbox.exec("printf %s $SERVICE").stdout()).isEqualTo(inside);
      roundTrip(parsed.getPort());
      String again = sandbox.resolveOutsideEndpoint("https://localhost:" + port + "/other");
      assertThat(again).isEqualTo("https://127.0.0.1:" + parsed.getPort() + "/other");
      assertThat(sandbox.resolveOutsideEndpoint("http://user@localhost:" + port))
          .isEqualTo("http://user@127.0.0.1:" + parsed.getPort());
      assertThatThrownBy(() -> sandbox.resolveOutsideEndpoint("localhost"))
          .isInstanceOf(RequestException.class);
      assertThatThrownBy(() -> sandbox.resolveOutsideEndpoint("db://localhost/x"))
          .isInstanceOf(RequestException.class);
    }
  }

  @Test
  void onTheHostsNetworkAddressesStayAsTheyAre() throws Exception {
    SandboxSpec spec =
        SandboxSpec.builder().port(8000).outsideEndpoint("http://localhost:1/x", "OUT").build();
    try (GuestSandbox sandbox = RealGuest.sandbox(guest, spec)) {
      assertThat(sandbox.endpoint(8000).url()).isEqualTo(URI.create("http://127.0.0.1:8000"));
      assertThat(sandbox.endpoint(8000).headers()).isEqualTo(Map.of());
      assertThat(sandbox.resolvedEndpointUrl("OUT")).contains("http://localhost:1/x");
      assertThat(sandbox.exec("echo $OUT").stdout().getBytes(StandardCharsets.UTF_8))
          .isEqualTo("http://localhost:1/x\n".getBytes(StandardCharsets.UTF_8));
    }
  }
}
