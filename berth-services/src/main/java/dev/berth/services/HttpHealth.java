package dev.berth.services;

import dev.berth.RequestException;
import dev.berth.SandboxEndpoint;
import dev.berth.services.http.CallException;
import dev.berth.services.http.JsonClient;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Well is a server that answers a GET with an accepted status.
 *
 * @param path absolute, with a query if need be
 * @param accepted the statuses that mean well
 * @param headers sent along, for instance a key; their values show in no text
 */
public record HttpHealth(String path, Set<Integer> accepted, Map<String, String> headers)
    implements HealthCheck {
  private static final int MOST_BYTES = 1 << 20;
  private static final Duration MOST = Duration.ofSeconds(10);

  /** Checks and copies. */
  public HttpHealth {
    if (!path.startsWith("/")) {
      throw new RequestException(
          "Tried to check health at '" + path + "'; it must be an absolute path such as /health.");
    }
    if (accepted.isEmpty()) {
      throw new RequestException(
          "Tried to check health with no accepted status; name at least one, such as 200.");
    }
    accepted = Set.copyOf(accepted);
    headers = Map.copyOf(headers);
  }

  static HttpHealth of(String path) {
    return new HttpHealth(path, Set.of(200), Map.of());
  }

  /** The same with these statuses as the accepted ones. */
  public HttpHealth accepting(Integer... statuses) {
    return new HttpHealth(path, Set.of(statuses), headers);
  }

  /** The same with one more header. */
  public HttpHealth header(String name, String value) {
    Map<String, String> more = new LinkedHashMap<>(headers);
    more.put(name, value);
    return new HttpHealth(path, accepted, more);
  }

  @Override
  public Optional<String> trouble(SandboxEndpoint endpoint, Duration within)
      throws InterruptedException {
    Map<String, String> all = new LinkedHashMap<>(endpoint.headers());
    all.putAll(headers);
    Duration wait = within.compareTo(MOST) < 0 ? within : MOST;
    try {
      int status = new JsonClient(endpoint.url(), all).limitedTo(MOST_BYTES).status(path, wait);
      return accepted.contains(status)
          ? Optional.empty()
          : Optional.of("GET " + path + " was answered with " + status);
    } catch (CallException e) {
      return Optional.of(e.getMessage());
    }
  }

  /** Without the headers' values. */
  @Override
  public String toString() {
    return "HttpHealth[" + path + " " + accepted + "]";
  }
}
