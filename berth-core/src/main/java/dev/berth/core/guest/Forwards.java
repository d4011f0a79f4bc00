package dev.berth.core.guest;

import dev.berth.Network;
import dev.berth.OutsideEndpoint;
import dev.berth.SandboxEndpoint;
import dev.berth.SandboxSpec;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The ways between servers inside and outside of one sandbox. On the host's network there is
 * nothing to do but to name them. Thread-safe.
 */
final class Forwards implements AutoCloseable {
  private final GuestClient client;
  private final SandboxSpec spec;
  private final boolean shared;
  private final Outward outward;
  private final Map<Integer, Inward> inward = new LinkedHashMap<>();
  private final Map<String, String> resolved = new LinkedHashMap<>();

  Forwards(GuestClient client, SandboxSpec spec, boolean sharesNetwork) {
    this.client = client;
    this.spec = spec;
    this.shared = sharesNetwork && spec.network() == Network.HOST;
    this.outward = new Outward(client);
  }

  /** Opens all that the spec declares; to be called once, before all else. */
  void open() throws InterruptedException {
    if (!shared) {
      for (int port : spec.ports()) {
        try {
          inward.put(port, new Inward(client.link(), port));
        } catch (IOException e) {
          throw client
              .faults()
              .request(
                  "Tried to listen for port " + port + " on the host, but " + e.getMessage() + ".");
        }
      }
    }
    for (OutsideEndpoint endpoint : spec.outsideEndpoints()) {
      resolved.put(endpoint.envVar(), resolve(endpoint.url()));
    }
  }

  /** What commands in the sandbox find in their environment. */
  Map<String, String> environment() {
    return resolved;
  }

  SandboxEndpoint endpoint(int port) {
    if (!spec.ports().contains(port)) {
      throw client
          .faults()
          .request(
              "Tried to reach port "
                  + port
                  + " of the sandbox; its spec declares "
                  + (spec.ports().isEmpty() ? "none" : spec.ports())
                  + ". Declare it when the sandbox is made.");
    }
    Inward way = inward.get(port);
    int reached = way == null ? port : way.hostPort();
    return new SandboxEndpoint(URI.create("http://127.0.0.1:" + reached), Map.of());
  }

  String resolve(String url) throws InterruptedException {
    URI parsed = parse(url);
    if (shared) {
      return url;
    }
    int port = parsed.getPort() < 0 ? defaultPort(url, parsed.getScheme()) : parsed.getPort();
    String host = parsed.getHost();
    String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    int inside = outward.port(new Outward.Target(bare, port));
    StringBuilder result = new StringBuilder(parsed.getScheme()).append("://");
    if (parsed.getRawUserInfo() != null) {
      result.append(parsed.getRawUserInfo()).append('@');
    }
    result.append("127.0.0.1:").append(inside).append(parsed.getRawPath());
    if (parsed.getRawQuery() != null) {
      result.append('?').append(parsed.getRawQuery());
    }
    if (parsed.getRawFragment() != null) {
      result.append('#').append(parsed.getRawFragment());
    }
    return result.toString();
  }

  private URI parse(String url) {
    try {
      URI parsed = new URI(url);
      if (parsed.getScheme() != null && parsed.getHost() != null) {
        return parsed;
      }
    } catch (URISyntaxException e) {
      // Said below.
    }
    throw client
        .faults()
        .request(
            "Tried to resolve '"
                + url
                + "' for the sandbox; it must be a URL with a scheme and a host, such as"
                + " http://localhost:8080/v1.");
  }

  private int defaultPort(String url, String scheme) {
    return switch (scheme.toLowerCase(java.util.Locale.ROOT)) {
      case "http", "ws" -> 80;
      case "https", "wss" -> 443;
      default ->
          throw client
              .faults()
              .request(
                  "Tried to resolve '"
                      + url
                      + "' for the sandbox; name its port, as in host:1234.");
    };
  }

  Optional<String> resolved(String envVar) {
    return Optional.ofNullable(resolved.get(envVar));
  }

  @Override
  public void close() {
    outward.close();
    inward.values().forEach(Watch::quietly);
  }
}
