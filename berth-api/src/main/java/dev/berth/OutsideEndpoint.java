package dev.berth;

import java.net.URI;

/**
 * A service of the outside that processes in the sandbox need.
 *
 * @param url its address as seen from the host, with a host name, such as {@code
 *     http://localhost:8080/v1}
 * @param envVar the environment variable under which every command in the sandbox finds the
 *     resolved URL
 */
public record OutsideEndpoint(String url, String envVar) {
  /** Checks both. */
  public OutsideEndpoint {
    Checks.environmentName(envVar);
    URI parsed = Checks.uri(url);
    if (parsed.getHost() == null) {
      throw new RequestException(
          "Tried to use '"
              + url
              + "' as an outside endpoint; it needs a scheme and a host, as in http://localhost:8080.");
    }
  }
}
