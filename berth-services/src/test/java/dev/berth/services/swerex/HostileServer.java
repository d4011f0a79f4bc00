package dev.berth.services.swerex;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server on loopback that answers as a test wants, and remembers what it was asked. */
final class HostileServer implements AutoCloseable {
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  /** What came, in order. */
  final List<Asked> asked = new CopyOnWriteArrayList<>();

  record Asked(String path, String id, String key, String body) {}

  /** Answers, or does not. */
  interface Behaviour {
    void answer(HttpExchange exchange, int number) throws IOException;
  }

  HostileServer(Behaviour behaviour) throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext(
        "/",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          asked.add(
              new Asked(
                  exchange.getRequestURI().getPath(),
                  String.valueOf(exchange.getRequestHeaders().getFirst("X-Request-ID")),
                  String.valueOf(exchange.getRequestHeaders().getFirst("X-API-Key")),
                  body));
          try (exchange) {
            behaviour.answer(exchange, asked.size());
          }
        });
    server.start();
  }

  static HostileServer answering(int status, String body) throws IOException {
    return new HostileServer((exchange, number) -> send(exchange, status, body));
  }

  static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  RemoteRuntime runtime() {
    return new RemoteRuntime(url(), "key");
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
