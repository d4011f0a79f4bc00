package dev.berth.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.berth.Command;
import dev.berth.Endpoints;
import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxEndpoint;
import dev.berth.SandboxProcess;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.spi.SandboxProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Servers in the sandbox reached from the host, and servers of the host reached from the sandbox.
 * These tests need {@code python3} in the image.
 */
public interface EndpointContract extends ContractSubject {
  /** Gets a URL without any proxy and prints what it got. */
  String FETCH =
      """
      import os, sys, urllib.request
      opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
      url = os.environ[sys.argv[1]] if len(sys.argv) > 1 else sys.stdin.read()
      print(opener.open(url, timeout=30).read().decode())
      """;

  /** Serves HTTP on the loopback port it is told: a large answer to everything. */
  String SERVE =
      """
      import http.server, sys
      class Handler(http.server.BaseHTTPRequestHandler):
          def do_POST(self):
              body = self.rfile.read(int(self.headers['content-length']))
              self.send_response(200)
              self.send_header('content-length', str(2 * len(body)))
              self.end_headers()
              self.wfile.write(body + body)
          def log_message(self, *args): pass
      http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
      """;

  @Test
  default void aDeclaredPortIsReached(SandboxProvider provider) throws Exception {
    int port = freePort();
    try (Sandbox sandbox = provider.create(spec().toBuilder().port(port).build())) {
      Optional<Endpoints> endpoints = endpoints(sandbox);
      if (endpoints.isPresent()) {
        reaches(sandbox, endpoints.get(), port);
      }
    }
  }

  @Test
  default void anUndeclaredPortIsRefused(SandboxProvider provider) throws Exception {
    int port = freePort();
    try (Sandbox sandbox = provider.create(spec().toBuilder().port(port).build())) {
      Optional<Endpoints> endpoints = endpoints(sandbox);
      if (endpoints.isPresent()) {
        int other = port == 1024 ? 1025 : port - 1;
        assertThatExceptionOfType(RequestException.class)
            .isThrownBy(() -> endpoints.get().endpoint(other))
            .withMessageContaining("" + other)
            .withMessageContaining("" + port);
      }
    }
  }

  @Test
  default void aPortWithoutAServerFailsAtOnce(SandboxProvider provider) throws Exception {
    int port = freePort();
    try (Sandbox sandbox = provider.create(spec().toBuilder().port(port).build());
        HttpClient client = client()) {
      Optional<Endpoints> endpoints = endpoints(sandbox);
      if (endpoints.isPresent()) {
        HttpRequest request =
            HttpRequest.newBuilder(endpoints.get().endpoint(port).url())
                .timeout(Duration.ofSeconds(30))
                .build();
        assertThatExceptionOfType(IOException.class)
            .isThrownBy(() -> client.send(request, HttpResponse.BodyHandlers.ofString()))
            .isNotInstanceOf(java.net.http.HttpTimeoutException.class);
      }
      assertThat(sandbox.isRunning()).isTrue();
    }
  }

  @Test
  default void anOutsideEndpointIsReachedByItsVariable(SandboxProvider provider) throws Exception {
    outsideEndpoint(provider, spec());
  }

  @Test
  default void anOutsideEndpointCanBeAskedForLater(Sandbox sandbox) throws Exception {
    HttpServer server = server();
    try {
      int port = server.getAddress().getPort();
      String first = sandbox.resolveOutsideEndpoint("http://localhost:" + port + "/later?a=b");
      String second = sandbox.resolveOutsideEndpoint("http://localhost:" + port + "/second");

      assertThat(first).endsWith("/later?a=b").startsWith("http://");
      assertThat(URI.create(second).getPort()).isEqualTo(URI.create(first).getPort());
      assertThat(fetch(sandbox, first)).isEqualTo("outside /later?a=b");
      assertThat(fetch(sandbox, second)).isEqualTo("outside /second");
      assertThat(sandbox.resolvedEndpointUrl("CONTRACT_NOT_DECLARED")).isEmpty();
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> sandbox.resolveOutsideEndpoint("no url at all"));
    } finally {
      server.stop(0);
    }
  }

  @Test
  default void withoutNetworkThereIsOnlyLoopback(SandboxProvider provider) throws Exception {
    SandboxSpec spec = spec().toBuilder().network(Network.NONE).build();
    if (can(Trait.NETWORK_NONE)) {
      try (Sandbox sandbox = provider.create(spec)) {
        String devices =
            Shell.text(
                sandbox,
                "tail -n +3 /proc/net/dev | while read -r name rest; do echo \"${name%%:*}\"; done");
        assertThat(devices).isEqualTo("lo");
      }
    } else {
      refused(provider, spec);
    }
  }

  @Test
  default void withoutNetworkOutsideEndpointsWorkAllTheSame(SandboxProvider provider)
      throws Exception {
    SandboxSpec spec = spec().toBuilder().network(Network.NONE).build();
    if (can(Trait.NETWORK_NONE)) {
      outsideEndpoint(provider, spec);
    } else {
      refused(provider, spec);
    }
  }

  @Test
  default void withoutNetworkDeclaredPortsWorkAllTheSame(SandboxProvider provider)
      throws Exception {
    int port = freePort();
    SandboxSpec spec = spec().toBuilder().network(Network.NONE).port(port).build();
    if (can(Trait.NETWORK_NONE)) {
      try (Sandbox sandbox = provider.create(spec)) {
        Optional<Endpoints> endpoints = endpoints(sandbox);
        if (endpoints.isPresent()) {
          reaches(sandbox, endpoints.get(), port);
        }
      }
    } else {
      refused(provider, spec);
    }
  }

  /** The sandbox's endpoints; empty, as it must then be, for a provider without the trait. */
  private Optional<Endpoints> endpoints(Sandbox sandbox) {
    Optional<Endpoints> endpoints = sandbox.ability(Endpoints.class);
    assertThat(endpoints.isPresent())
        .as("the ability is there if the provider says so")
        .isEqualTo(can(Trait.ENDPOINTS));
    return endpoints;
  }

  private static void refused(SandboxProvider provider, SandboxSpec spec)
      throws InterruptedException {
    SandboxSpec labelled = spec.toBuilder().metadata("contract", "refused").build();
    assertThatExceptionOfType(UnsupportedRequestException.class)
        .isThrownBy(() -> provider.create(labelled).close())
        .withMessageContaining("network");
    assertThat(provider.list())
        .noneMatch(summary -> "refused".equals(summary.metadata().get("contract")));
  }

  private static void outsideEndpoint(SandboxProvider provider, SandboxSpec spec) throws Exception {
    HttpServer server = server();
    String url = "http://localhost:" + server.getAddress().getPort() + "/v1/path";
    try (Sandbox sandbox =
        provider.create(spec.toBuilder().outsideEndpoint(url, "CONTRACT_SERVICE").build())) {
      String resolved = sandbox.resolvedEndpointUrl("CONTRACT_SERVICE").orElseThrow();

      assertThat(resolved).startsWith("http://").endsWith("/v1/path");
      assertThat(Shell.text(sandbox, Command.of("printenv", "CONTRACT_SERVICE")))
          .isEqualTo(resolved);
      for (int i = 0; i < 3; i++) {
        assertThat(Shell.text(sandbox, Command.of("python3", "-c", FETCH, "CONTRACT_SERVICE")))
            .isEqualTo("outside /v1/path");
      }
    } finally {
      server.stop(0);
    }
  }

  private static void reaches(Sandbox sandbox, Endpoints endpoints, int port) throws Exception {
    SandboxEndpoint endpoint = endpoints.endpoint(port);
    byte[] body = TestFiles.bytes(1 << 20);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(endpoint.url().resolve("/x"))
            .timeout(Duration.ofSeconds(30))
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
    endpoint.headers().forEach(request::header);
    try (SandboxProcess server =
            sandbox.startBackground(Command.of("python3", "-c", SERVE, "" + port));
        HttpClient client = client()) {
      HttpResponse<byte[]> response =
          await("the server")
              .atMost(Duration.ofSeconds(30))
              .ignoreExceptionsInstanceOf(IOException.class)
              .until(
                  () -> client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray()),
                  r -> r.statusCode() == 200);

      assertThat(response.body()).hasSize(2 << 20).startsWith(body).endsWith(body);
      assertThat(endpoints.endpoint(port)).isEqualTo(endpoint);
      server.kill();
    }
  }

  private static String fetch(Sandbox sandbox, String url) {
    return Shell.text(sandbox, Command.of("python3", "-c", FETCH).withStdin(url));
  }

  private static HttpClient client() {
    return HttpClient.newBuilder()
        .proxy(HttpClient.Builder.NO_PROXY)
        .version(HttpClient.Version.HTTP_1_1)
        .build();
  }

  /** A server of the outside: it answers with the path that it was asked for. */
  private static HttpServer server() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] answer = ("outside " + exchange.getRequestURI()).getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
    return server;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
