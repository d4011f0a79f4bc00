package dev.berth.services.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Calls to servers that behave, and to some that do not. */
@Timeout(60)
class JsonClientTest {
  private static final Duration LONG = Duration.ofSeconds(20);

  private HttpServer server;

  record Point(int x, String name) {}

  /** What a raw server does with a connection, its request's head read. */
  interface Behaviour {
    void serve(OutputStream to) throws IOException, InterruptedException;
  }

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private JsonClient client() {
    return new JsonClient(at(server.getAddress().getPort()), Map.of("X-Key", "secret-key"));
  }

  private static URI at(int port) {
    return URI.create("http://127.0.0.1:" + port);
  }

  private static void answer(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  @Test
  void callsAndAnswers() throws Exception {
    server.createContext(
        "/echo",
        exchange -> {
          assertThat(exchange.getRequestHeaders().getFirst("X-Key")).isEqualTo("secret-key");
          answer(exchange, 200, new String(exchange.getRequestBody().readAllBytes(), UTF_8));
        });
    Reply reply = client().post("/echo", new Point(3, "ü"), LONG);
    assertThat(reply.json().get("x").asInt()).isEqualTo(3);
    assertThat(reply.json(Point.class)).isEqualTo(new Point(3, "ü"));
    assertThat(JsonClient.path("/a", Map.of("q", "a&b /ü"))).isEqualTo("/a?q=a%26b+%2F%C3%BC");
  }

  @Test
  void aRefusalHasItsReply() throws Exception {
    server.createContext("/no", exchange -> answer(exchange, 511, "{\"swerexception\":{}}"));
    Reply reply = client().get("/no?key=hidden", LONG);
    assertThat(reply.status()).isEqualTo(511);
    assertThatExceptionOfType(CallException.Refused.class)
        .isThrownBy(reply::orThrow)
        .withMessageContaining("GET /no was refused with status 511")
        .withMessageNotContaining("hidden")
        .satisfies(refused -> assertThat(refused.reply()).isSameAs(reply));
  }

  @Test
  void redirectsAreNotFollowed() throws Exception {
    AtomicBoolean followed = new AtomicBoolean();
    server.createContext(
        "/there",
        exchange -> {
          followed.set(true);
          answer(exchange, 200, "{}");
        });
    server.createContext(
        "/here",
        exchange -> {
          exchange.getResponseHeaders().add("Location", "/there");
          answer(exchange, 302, "");
        });
    assertThat(client().get("/here", LONG).status()).isEqualTo(302);
    assertThat(followed).isFalse();
  }

  @Test
  void noJson() throws Exception {
    server.createContext("/text", exchange -> answer(exchange, 200, "<html>"));
    server.createContext("/empty", exchange -> answer(exchange, 200, ""));
    server.createContext("/two", exchange -> answer(exchange, 200, "{}{}"));
    server.createContext("/shape", exchange -> answer(exchange, 200, "{\"x\":[1]}"));
    server.createContext("/null", exchange -> answer(exchange, 200, "null"));
    for (String path : new String[] {"/text", "/empty", "/two"}) {
      Reply reply = client().get(path, LONG);
      assertThatExceptionOfType(CallException.NotJson.class)
          .isThrownBy(reply::json)
          .withMessageContaining(path);
    }
    for (String path : new String[] {"/shape", "/null"}) {
      Reply reply = client().get(path, LONG);
      assertThatExceptionOfType(CallException.NotJson.class)
          .isThrownBy(() -> reply.json(Point.class));
    }
  }

  @Test
  void jsonWithinBounds() {
    String deep = "[".repeat(100_000);
    String digits = "1".repeat(100_000);
    String tokens = "[" + "1,".repeat(3_000_000) + "1]";
    String name = "{\"" + "n".repeat(100_000) + "\":1}";
    for (String hostile : new String[] {deep, digits, tokens, name, "\"\\uD800"}) {
      assertThatExceptionOfType(CallException.NotJson.class)
          .isThrownBy(() -> Json.tree(hostile.getBytes(UTF_8), "GET /"));
    }
  }

  @Test
  void noClassIsBuiltByName() throws Exception {
    String gadget = "{\"@class\":\"java.io.File\",\"x\":1,\"name\":[\"java.io.File\",\"/etc\"]}";
    assertThatExceptionOfType(CallException.NotJson.class)
        .isThrownBy(() -> Json.value(gadget.getBytes(UTF_8), Point.class, "GET /"));
    assertThat(Json.tree(gadget.getBytes(UTF_8), "GET /").get("@class").asString())
        .isEqualTo("java.io.File");
  }

  @Test
  void nobodyListens() throws Exception {
    try (ServerSocket none = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = none.getLocalPort();
      none.close();
      assertThatExceptionOfType(CallException.Unreachable.class)
          .isThrownBy(() -> new JsonClient(at(port), Map.of()).get("/", LONG))
          .withMessageContaining("GET /");
    }
  }

  @Test
  void aServerThatSaysNothing() throws Exception {
    expect(CallException.TimedOut.class, to -> Thread.sleep(60_000), Duration.ofMillis(300));
  }

  @Test
  void aServerThatTrickles() throws Exception {
    expect(
        CallException.TimedOut.class,
        to -> {
          to.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".getBytes(UTF_8));
          while (true) {
            to.write('x');
            to.flush();
            Thread.sleep(20);
          }
        },
        Duration.ofMillis(500));
  }

  @Test
  void aServerThatTricklesHeaders() throws Exception {
    expect(
        CallException.TimedOut.class,
        to -> {
          to.write("HTTP/1.1 200 OK\r\n".getBytes(UTF_8));
          while (true) {
            to.write("X-More: and more\r\n".getBytes(UTF_8));
            to.flush();
            Thread.sleep(20);
          }
        },
        Duration.ofMillis(500));
  }

  @Test
  void anEndlessBody() throws Exception {
    byte[] much = "x".repeat(1 << 16).getBytes(UTF_8);
    CallException failed =
        expect(
            CallException.TooLarge.class,
            to -> {
              to.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(UTF_8));
              while (true) {
                to.write(much);
              }
            },
            LONG);
    assertThat(failed).hasMessageContaining("more than 1000000 bytes");
  }

  @Test
  void endlessHeaders() throws Exception {
    byte[] much = ("X-More: " + "x".repeat(1 << 12) + "\r\n").getBytes(UTF_8);
    expect(
        CallException.Unreachable.class,
        to -> {
          to.write("HTTP/1.1 200 OK\r\n".getBytes(UTF_8));
          while (true) {
            to.write(much);
          }
        },
        LONG);
  }

  @Test
  void notHttp() throws Exception {
    expect(
        CallException.Unreachable.class, to -> to.write("SSH-2.0-x\r\n\r\n".getBytes(UTF_8)), LONG);
    expect(CallException.Unreachable.class, to -> {}, LONG);
    expect(
        CallException.Unreachable.class,
        to -> to.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".getBytes(UTF_8)),
        LONG);
  }

  /** Calls a server of this behaviour; it must see its connection closed afterwards. */
  private static <T extends CallException> T expect(
      Class<T> failure, Behaviour behaviour, Duration within) throws Exception {
    AtomicBoolean closed = new AtomicBoolean();
    try (ServerSocket raw = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread serving =
          Thread.ofVirtual()
              .start(() -> {
                while (true) {
                  // A GET that found its connection closed is sent again by the JDK.
                  try (Socket socket = raw.accept()) {
                    try {
                      socket.getInputStream().read(new byte[1 << 12]);
                      behaviour.serve(socket.getOutputStream());
                    } catch (IOException | InterruptedException e) {
                      closed.set(true);
                    }
                  } catch (IOException over) {
                    return;
                  }
                }
              });
      JsonClient client = new JsonClient(at(raw.getLocalPort()), Map.of()).limitedTo(1_000_000);
      AtomicReference<T> failed = new AtomicReference<>();
      assertThatExceptionOfType(failure)
          .isThrownBy(() -> client.get("/", within))
          .satisfies(failed::set);
      if (failure == CallException.TooLarge.class) {
        await().atMost(LONG).untilTrue(closed);
      }
      serving.interrupt();
      return failed.get();
    }
  }

  @Test
  void downloads(@TempDir Path folder) throws Exception {
    byte[] content = "0123456789".repeat(1_000_000).getBytes(UTF_8);
    server.createContext(
        "/file",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          try (OutputStream to = exchange.getResponseBody()) {
            to.write(content);
          }
        });
    server.createContext("/none", exchange -> answer(exchange, 404, "gone"));
    Path file = folder.resolve("file");
    assertThat(client().download("/file", file, content.length, LONG)).isEqualTo(content.length);
    assertThat(file).hasBinaryContent(content);

    Path other = folder.resolve("other");
    assertThatExceptionOfType(CallException.TooLarge.class)
        .isThrownBy(() -> client().download("/file", other, content.length - 1, LONG));
    assertThatExceptionOfType(CallException.Refused.class)
        .isThrownBy(() -> client().download("/none", other, 100, LONG))
        .withMessageContaining("gone");
    assertThatExceptionOfType(java.nio.file.FileAlreadyExistsException.class)
        .isThrownBy(() -> client().download("/file", file, content.length, LONG));
    assertThat(folder)
        .isDirectoryContaining("glob:**/file")
        .isDirectoryNotContaining("glob:**/other");
    assertThat(file).hasBinaryContent(content);
  }

  @Test
  void uploads(@TempDir Path folder) throws Exception {
    AtomicReference<String> form = new AtomicReference<>();
    AtomicReference<String> type = new AtomicReference<>();
    AtomicReference<String> length = new AtomicReference<>();
    server.createContext(
        "/up",
        exchange -> {
          type.set(exchange.getRequestHeaders().getFirst("Content-Type"));
          length.set(exchange.getRequestHeaders().getFirst("Content-Length"));
          try (InputStream from = exchange.getRequestBody()) {
            form.set(new String(from.readAllBytes(), UTF_8));
          }
          answer(exchange, 200, "{}");
        });
    Path file = Files.writeString(folder.resolve("a \"b\".txt"), "the content");
    client().upload("/up", Map.of("target_path", "/tmp/x"), "file", file, LONG).orThrow();
    String boundary = type.get().substring("multipart/form-data; boundary=".length());
    assertThat(form.get())
        .isEqualTo(
            """
            --B
            Content-Disposition: form-data; name="target_path"

            /tmp/x
            --B
            Content-Disposition: form-data; name="file"; filename="a %22b%22.txt"
            Content-Type: application/octet-stream

            the content
            --B--
            """
                .replace("B", boundary)
                .replace("\n", "\r\n"));
    assertThat(length.get()).isEqualTo(Integer.toString(form.get().length()));
  }
}
