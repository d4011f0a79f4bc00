package dev.berth;

import java.net.URI;
import java.util.Map;

/**
 * Where a server of the sandbox is reached from the host.
 *
 * @param url absolute
 * @param headers to send with each request; empty for most providers
 */
public record SandboxEndpoint(URI url, Map<String, String> headers) {
  /** Checks that the URL is absolute. */
  public SandboxEndpoint {
    if (!url.isAbsolute()) {
      throw new RequestException(
          "Tried to use '"
              + url
              + "' as an endpoint; it must be an absolute URL such as http://127.0.0.1:8000.");
    }
    headers = Map.copyOf(headers);
  }
}
