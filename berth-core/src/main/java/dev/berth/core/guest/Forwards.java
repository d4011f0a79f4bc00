package dev.berth.core.guest;

import dev.berth.SandboxEndpoint;
import dev.berth.SandboxSpec;
import java.net.URI;
import java.util.Map;
import java.util.Optional;

/** The ways between servers inside and outside of a sandbox. */
final class Forwards implements AutoCloseable {
  private final GuestClient client;
  private final SandboxSpec spec;

  Forwards(GuestClient client, SandboxSpec spec) {
    this.client = client;
    this.spec = spec;
  }

  void open() throws InterruptedException {}

  Map<String, String> environment() {
    return Map.of();
  }

  SandboxEndpoint endpoint(int port) {
    if (!spec.ports().contains(port)) {
      throw client.faults().request("not declared");
    }
    return new SandboxEndpoint(URI.create("http://127.0.0.1:" + port), Map.of());
  }

  String resolve(String url) throws InterruptedException {
    return url;
  }

  Optional<String> resolved(String envVar) {
    return Optional.empty();
  }

  @Override
  public void close() {}
}
