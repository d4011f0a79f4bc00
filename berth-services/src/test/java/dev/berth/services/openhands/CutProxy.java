package dev.berth.services.openhands;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Hands connections on to a server on loopback; cuts or refuses WebSockets when it is told to. */
final class CutProxy implements AutoCloseable {
  private final ServerSocket listening;
  private final int to;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final Set<Socket> webSockets = ConcurrentHashMap.newKeySet();
  private volatile boolean refusing;

  CutProxy(URI server) throws IOException {
    to = server.getPort();
    listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + listening.getLocalPort());
  }

  /** Breaks every WebSocket that is there now, in the middle of whatever it carries. */
  void cut() {
    webSockets.forEach(this::close);
  }

  /** From now on no WebSocket is opened. */
  void refuseWebSockets() {
    refusing = true;
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket in = listening.accept();
        Socket out = new Socket(InetAddress.getLoopbackAddress(), to);
        sockets.add(in);
        sockets.add(out);
        Thread.ofVirtual().start(() -> pump(in, out));
        Thread.ofVirtual().start(() -> pump(out, in));
      } catch (IOException e) {
        // Closed, or the server is down: the client sees it.
      }
    }
  }

  private void pump(Socket from, Socket into) {
    try {
      InputStream in = from.getInputStream();
      OutputStream out = into.getOutputStream();
      byte[] buffer = new byte[8192];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        if (new String(buffer, 0, n, ISO_8859_1).startsWith("GET /sockets/")) {
          webSockets.add(from);
          if (refusing) {
            return;
          }
        }
        out.write(buffer, 0, n);
        out.flush();
      }
    } catch (IOException e) {
      // Cut.
    } finally {
      close(from);
      close(into);
    }
  }

  private void close(Socket socket) {
    sockets.remove(socket);
    webSockets.remove(socket);
    try {
      socket.close();
    } catch (IOException e) {
      // Closed then.
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
    sockets.forEach(this::close);
  }
}
