package dev.berth.services.swerex;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** Passes connections on to a port of loopback; of the first one the answer is swallowed. */
final class LossyRelay implements AutoCloseable {
  private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicInteger cut = new AtomicInteger();
  private final int port;

  LossyRelay(int port) throws IOException {
    this.port = port;
    threads.execute(this::accept);
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + listening.getLocalPort());
  }

  /** How many answers were swallowed. */
  int cut() {
    return cut.get();
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket client = listening.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), port);
        boolean lossy = connections.getAndIncrement() == 0;
        threads.execute(() -> copy(client, server));
        threads.execute(() -> answer(server, client, lossy));
      } catch (IOException e) {
        // The test is over.
      }
    }
  }

  private void copy(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // One of them is closed.
    }
  }

  private void answer(Socket server, Socket client, boolean lossy) {
    try (server;
        client) {
      if (lossy) {
        // Its first byte: the command has run.
        if (server.getInputStream().read() >= 0) {
          cut.incrementAndGet();
        }
      } else {
        server.getInputStream().transferTo(client.getOutputStream());
      }
    } catch (IOException e) {
      // One of them is closed.
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
    threads.shutdownNow();
  }
}
