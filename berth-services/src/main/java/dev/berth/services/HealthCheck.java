package dev.berth.services;

import dev.berth.SandboxEndpoint;
import java.time.Duration;
import java.util.Optional;

/**
 * A question to a server: is it well? Asked again and again while a service starts, and whenever
 * {@link Service#trouble(Duration)} is called. Implementations are thread-safe and keep no state.
 */
@FunctionalInterface
public interface HealthCheck {
  /**
   * What is wrong with the server at {@code endpoint}, in a few words and without secrets; empty if
   * it is well. Answers within {@code within}; the server may be hostile.
   */
  Optional<String> trouble(SandboxEndpoint endpoint, Duration within) throws InterruptedException;

  /** Well is a server that accepts connections. */
  static HealthCheck tcp() {
    return TcpHealth.INSTANCE;
  }

  /**
   * Well is a server that answers {@code GET path} with 200; see {@link HttpHealth} for other
   * answers and for headers.
   */
  static HttpHealth http(String path) {
    return HttpHealth.of(path);
  }
}
