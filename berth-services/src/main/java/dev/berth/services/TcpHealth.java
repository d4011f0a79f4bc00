package dev.berth.services;

import dev.berth.SandboxEndpoint;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Optional;

/** Connects, and sees whether the connection stays open. */
enum TcpHealth implements HealthCheck {
  INSTANCE;

  /**
   * A port that leads into an isolated sandbox accepts every connection, and closes it when nobody
   * listens inside: that takes about a millisecond.
   */
  private static final int LOOK_MILLIS = 100;

  @Override
  public Optional<String> trouble(SandboxEndpoint endpoint, Duration within) {
    int millis = Math.clamp(within.toMillis(), 1, 5_000);
    try (Socket socket = new Socket()) {
      String host = endpoint.url().getHost().replaceAll("[\\[\\]]", "");
      socket.connect(new InetSocketAddress(host, endpoint.url().getPort()), millis);
      socket.setSoTimeout(Math.min(millis, LOOK_MILLIS));
      return socket.getInputStream().read() < 0
          ? Optional.of("it closes connections at once")
          : Optional.empty();
    } catch (SocketTimeoutException silent) {
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of("no connection: " + e.getMessage());
    }
  }
}
