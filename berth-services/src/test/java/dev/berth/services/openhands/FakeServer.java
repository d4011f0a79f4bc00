package dev.berth.services.openhands;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A server of raw sockets that answers, over HTTP and WebSockets, whatever a test wants. */
final class FakeServer implements AutoCloseable {
  private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final Http http;
  private final Sockets sockets;
  final AtomicInteger connections = new AtomicInteger();

  /** Answers a call with a body of JSON, or writes what it likes and returns null. */
  interface Http {
    @org.jspecify.annotations.Nullable
    String answer(String method, String path, OutputStream out) throws IOException;
  }

  /** Serves one WebSocket, the number of which is given; it is closed after that. */
  interface Sockets {
    void serve(int number, InputStream in, OutputStream out) throws IOException;
  }

  FakeServer(Http http, Sockets sockets) throws IOException {
    this.http = http;
    this.sockets = sockets;
    Thread.ofVirtual().start(this::accept);
  }

  static FakeServer http(Http http) throws IOException {
    return new FakeServer(http, (number, in, out) -> {});
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + listening.getLocalPort());
  }

  AgentServer client() {
    return new AgentServer(url(), "the-key", "/workspace");
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket socket = listening.accept();
        open.add(socket);
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      OutputStream out = socket.getOutputStream();
      String head = head(in);
      String[] request = head.split(" ", 3);
      String key = header(head, "sec-websocket-key");
      if (!key.isEmpty()) {
        out.write(
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: "
                    + accepted(key)
                    + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        out.flush();
        sockets.serve(connections.incrementAndGet(), in, out);
        // What is left unread would turn the end into a reset, which overtakes what was sent.
        socket.shutdownOutput();
        in.transferTo(OutputStream.nullOutputStream());
        return;
      }
      String length = header(head, "content-length");
      in.readNBytes(length.isEmpty() ? 0 : Integer.parseInt(length));
      String body = http.answer(request[0], request[1], out);
      if (body != null) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        out.write(
            ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
                    + bytes.length
                    + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        out.write(bytes);
        out.flush();
      }
    } catch (IOException e) {
      // The client has had enough.
    } finally {
      open.remove(socket);
    }
  }

  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("no request");
      }
      head.write(next);
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  private static String header(String head, String name) {
    return head.lines()
        .filter(line -> line.regionMatches(true, 0, name + ":", 0, name.length() + 1))
        .map(line -> line.substring(name.length() + 1).strip())
        .findFirst()
        .orElse("");
  }

  private static String accepted(String key) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-1")
              .digest(
                  (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                      .getBytes(StandardCharsets.US_ASCII));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A whole frame of text. */
  static void text(OutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    frame(out, 0x81, bytes);
  }

  /** A frame with this first byte. */
  static void frame(OutputStream out, int first, byte[] bytes) throws IOException {
    out.write(first);
    if (bytes.length < 126) {
      out.write(bytes.length);
    } else if (bytes.length < 1 << 16) {
      out.write(new byte[] {126, (byte) (bytes.length >> 8), (byte) bytes.length});
    } else {
      out.write(127);
      for (int shift = 56; shift >= 0; shift -= 8) {
        out.write((int) ((long) bytes.length >> shift) & 0xff);
      }
    }
    out.write(bytes);
    out.flush();
  }

  /** A frame that closes with this code. */
  static void close(OutputStream out, int code) throws IOException {
    frame(out, 0x88, new byte[] {(byte) (code >> 8), (byte) code});
  }

  static String event(String id, String kind) {
    return "{\"id\":\""
        + id
        + "\",\"kind\":\""
        + kind
        + "\",\"source\":\"agent\",\"timestamp\":\"2026-01-01T00:00:00.000000\",\"key\":\"k\"}";
  }

  @Override
  public void close() throws IOException {
    listening.close();
    for (Socket each : open) {
      each.close();
    }
  }
}
