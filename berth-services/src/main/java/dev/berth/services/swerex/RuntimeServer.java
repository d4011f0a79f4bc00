package dev.berth.services.swerex;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.berth.RequestException;
import dev.berth.services.http.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A {@link Runtime} under the swe-rex protocol, for the unchanged Python client {@code
 * swerex.runtime.remote.RemoteRuntime}.
 *
 * <pre>{@code
 * try (RuntimeServer server = RuntimeServer.start(new NativeRuntime(sandbox), "127.0.0.1", 0, key)) {
 *   System.out.println(server.url());
 * }
 * }</pre>
 *
 * <p>Every call needs the key. A call that is repeated with its {@code X-Request-ID} is answered
 * from what is kept, and never made twice, not even while the first one runs. Callers, calls,
 * bodies and the time they take to come are bounded; how long a command runs is not. Closing it
 * ends it at once; the runtime stays its owner's. Thread-safe.
 *
 * <p>Connections on which nothing at all comes are closed by the JDK's server, after half a minute;
 * how many it takes is bounded by its own property, {@code jdk.httpserver.maxConnections}.
 */
public final class RuntimeServer implements AutoCloseable {
  /** The fewest characters that a key has. */
  public static final int SHORTEST_KEY = 16;

  private static final int MOST_CALLERS = 1024;
  private static final int MOST_HEADS = 256;
  private static final int MOST_CALLS = 256;
  private static final int MOST_UPLOADS = 4;
  private static final int MOST_READS = 4;
  private static final int STRANGER_BODY = 1 << 20;
  private static final int BACKLOG = 128;
  private static final Duration HEAD_WITHIN = Duration.ofSeconds(5);
  private static final Duration STRANGER_WITHIN = Duration.ofSeconds(5);
  private static final Duration BODY_WITHIN = Duration.ofMinutes(2);
  private static final Duration UPLOAD_WITHIN = Duration.ofMinutes(30);

  private final HttpServer http;
  private final byte[] key;
  private final RuntimeCalls calls;
  private final UploadCall upload;
  private final KeptAnswers kept = new KeptAnswers();
  private final CallBodies bodies = new CallBodies(BODY_WITHIN);
  private final Semaphore running = new Semaphore(MOST_CALLS);
  private final Semaphore uploads = new Semaphore(MOST_UPLOADS);
  private final Semaphore reads = new Semaphore(MOST_READS);
  private final Callers callers = new Callers(MOST_CALLERS, MOST_HEADS, HEAD_WITHIN);

  private RuntimeServer(HttpServer http, Runtime runtime, String key) {
    this.http = http;
    this.key = key.getBytes(StandardCharsets.UTF_8);
    this.calls = new RuntimeCalls(runtime);
    this.upload = new UploadCall(runtime);
  }

  /**
   * Starts a server.
   *
   * @param host where it listens; anything but a loopback address lets others in
   * @param port 0 for one that is free
   * @param key what callers have to show; at least {@value #SHORTEST_KEY} characters
   * @throws RequestException if it cannot listen there, or the key is too short
   */
  public static RuntimeServer start(Runtime runtime, String host, int port, String key) {
    String tried = "serve swe-rex on " + host + " port " + port;
    if (port < 0 || port > 65535) {
      throw new RequestException("Tried to " + tried + "; a port is 0 to 65535.");
    }
    if (key.length() < SHORTEST_KEY) {
      throw new RequestException(
          "Tried to "
              + tried
              + " with a key of "
              + key.length()
              + " characters; it must have at least "
              + SHORTEST_KEY
              + ".");
    }
    HttpServer http;
    try {
      http = HttpServer.create(new InetSocketAddress(InetAddress.getByName(host), port), BACKLOG);
    } catch (BindException e) {
      throw new RequestException(
          null,
          null,
          "Tried to "
              + tried
              + ", but that is taken or not this host's ("
              + e.getMessage()
              + "); choose another port, or 0 for any.",
          e);
    } catch (IOException | IllegalArgumentException e) {
      throw new RequestException(null, null, "Tried to " + tried + ", but " + e + ".", e);
    }
    RuntimeServer server = new RuntimeServer(http, runtime, key);
    http.setExecutor(server.callers);
    http.createContext("/", server::serve);
    http.start();
    return server;
  }

  /** A key that nobody can guess. */
  public static String newKey() {
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  /** Where it answers. */
  public URI url() {
    InetSocketAddress at = http.getAddress();
    String host = at.getAddress().getHostAddress();
    return URI.create(
        "http://" + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + at.getPort());
  }

  /** Ends it. Calls that run are interrupted. */
  @Override
  public void close() {
    http.stop(0);
    callers.close();
  }

  /** What is answered to a call. */
  record Answer(int status, byte[] body) {
    static Answer of(int status, Map<String, ?> body) {
      return new Answer(status, Json.bytes(body));
    }

    static Answer refused(int status, String why) {
      return of(status, Map.of("detail", why));
    }

    /** Whatever it is, the caller is to hear of it rather than wait; and the server goes on. */
    static Answer unexpected(RuntimeException e) {
      return refused(500, "Unexpected: " + e);
    }
  }

  /** A request that is none of the protocol. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;
    final int status;

    Refused(int status, String why) {
      super(why);
      this.status = status;
    }
  }

  /** Throws where the caller is gone or too slow: then the JDK's server closes the connection. */
  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      if (!callers.headIsRead()) {
        throw new IOException("The head came too late.");
      }
      if (!known(exchange)) {
        refuse(exchange);
        return;
      }
      // Taken after that, or callers without the key could hold all of them.
      if (!running.tryAcquire()) {
        send(exchange, Answer.refused(503, "Too many calls run; try again."), BODY_WITHIN);
        return;
      }
      try {
        send(exchange, answer(exchange), BODY_WITHIN);
      } finally {
        running.release();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean known(HttpExchange exchange) {
    String shown = exchange.getRequestHeaders().getFirst("X-API-Key");
    return shown != null && MessageDigest.isEqual(shown.getBytes(StandardCharsets.UTF_8), key);
  }

  /**
   * Reads what a stranger sends, for he would not see the answer else, but neither much of it nor
   * for long: the JDK's server itself would wait for half an hour.
   */
  private void refuse(HttpExchange exchange) throws IOException, InterruptedException {
    try {
      InputStream in = exchange.getRequestBody();
      if (!within(exchange, STRANGER_WITHIN, () -> endsSoon(in))) {
        throw new IOException("Too much came without the key.");
      }
      send(exchange, Answer.refused(401, "Invalid API Key"), STRANGER_WITHIN);
    } catch (Refused e) {
      throw new IllegalStateException(e);
    }
  }

  private static boolean endsSoon(InputStream in) throws IOException {
    byte[] buffer = new byte[8192];
    for (int left = STRANGER_BODY; left > 0; ) {
      int count = in.read(buffer);
      if (count < 0) {
        return true;
      }
      left -= count;
    }
    return false;
  }

  private Answer answer(HttpExchange exchange) throws IOException, InterruptedException {
    String path = exchange.getRequestURI().getPath();
    String due = calls.method(path);
    if (due == null) {
      return Answer.refused(404, "Not Found");
    }
    if (!due.equals(exchange.getRequestMethod())) {
      return Answer.refused(405, "Method Not Allowed");
    }
    try {
      return path.equals(RuntimeCalls.UPLOAD) ? upload(exchange) : call(exchange, path);
    } catch (Refused e) {
      return Answer.refused(e.status, String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      return Answer.unexpected(e);
    }
  }

  private Answer call(HttpExchange exchange, String path)
      throws IOException, InterruptedException, Refused {
    try (CallBodies.Body body =
        within(exchange, BODY_WITHIN, () -> bodies.receive(exchange.getRequestBody()))) {
      String id = exchange.getRequestHeaders().getFirst("X-Request-ID");
      return kept.once(id == null ? "" : path + " " + id, () -> call(path, body));
    }
  }

  /** Whole files are in memory while they are read and sent as JSON: only a few at a time. */
  private Answer call(String path, CallBodies.Body body)
      throws IOException, InterruptedException, Refused {
    if (!path.equals(RuntimeCalls.READ_FILE)) {
      return calls.call(path, body);
    }
    if (!reads.tryAcquire(BODY_WITHIN.toSeconds(), TimeUnit.SECONDS)) {
      throw new Refused(503, "Too many files are read; try again.");
    }
    try {
      return calls.call(path, body);
    } finally {
      reads.release();
    }
  }

  private Answer upload(HttpExchange exchange) throws IOException, InterruptedException, Refused {
    if (!uploads.tryAcquire(BODY_WITHIN.toSeconds(), TimeUnit.SECONDS)) {
      throw new Refused(503, "Too many uploads run; try again.");
    }
    try (UploadCall.Received received =
        within(
            exchange,
            UPLOAD_WITHIN,
            () ->
                upload.receive(
                    exchange.getRequestHeaders().getFirst("Content-Type"),
                    exchange.getRequestBody()))) {
      return upload.put(received);
    } finally {
      uploads.release();
    }
  }

  /** Something that is read from a caller. */
  private interface Reading<T> {
    T read() throws IOException, InterruptedException, Refused;
  }

  /** Closes the connection of a caller who is too slow. */
  private <T> T within(HttpExchange exchange, Duration limit, Reading<T> reading)
      throws IOException, InterruptedException, Refused {
    Future<?> end = callers.after(limit, exchange::close);
    try {
      return reading.read();
    } finally {
      end.cancel(false);
    }
  }

  /**
   * Ends the sending to a caller who reads too slowly by an interrupt: closing the exchange does
   * nothing once its stream is being closed, which is when short answers are written. An interrupt
   * that comes too late finds a thread that only has to end.
   */
  private void send(HttpExchange exchange, Answer answer, Duration limit) throws IOException {
    Future<?> end = callers.after(limit, Thread.currentThread()::interrupt);
    try {
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(answer.status(), answer.body().length);
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(answer.body());
      }
    } finally {
      end.cancel(false);
    }
  }
}
