package dev.berth.services;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.local.LocalProvider;
import dev.berth.services.http.CallException;
import dev.berth.services.http.JsonClient;
import dev.berth.spi.SandboxProvider;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * From start to the first answered call, side by side: the bare server by {@link ProcessBuilder},
 * asked every half millisecond, and the same by {@link Service}. Prints the figures; to be run on a
 * quiet machine, see docs/services.md.
 */
@Tag("soak")
class ServiceStartIT {
  private static final int ROUNDS = Integer.getInteger("berth.rounds", 40);
  private static final Duration LONG = Duration.ofSeconds(10);

  /** A server with the start of a real one: it imports what they do. */
  private static final String SERVER =
      """
      import asyncio, http.server, json, logging, ssl, sys, urllib.request
      class H(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
          self.send_response(200)
          self.send_header('Content-Length', '2')
          self.end_headers()
          self.wfile.write(b'ok')
        def log_message(self, *a): pass
      http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), H).serve_forever()
      """;

  @Test
  void local() throws Exception {
    try (SandboxProvider provider = new LocalProvider();
        Sandbox sandbox = provider.create(SandboxSpec.builder().build())) {
      compare("local", List.of(), sandbox);
    }
  }

  @Test
  void apptainer() throws Exception {
    String image = TestImage.folder().toString();
    try (SandboxProvider provider = new ApptainerProvider(ApptainerConfig.defaults());
        Sandbox sandbox = provider.create(SandboxSpec.of(image))) {
      // Without the launch of Apptainer itself: the same files, no sandbox.
      compare("apptainer, server alone", List.of(), sandbox);
      compare("apptainer, by apptainer exec", List.of("apptainer", "exec", image), sandbox);
    }
  }

  private static void compare(String name, List<String> before, Sandbox sandbox) throws Exception {
    List<Double> bare = new ArrayList<>();
    List<Double> service = new ArrayList<>();
    List<Double> checked = new ArrayList<>();
    for (int i = -5; i < ROUNDS; i++) {
      double one = bare(before);
      double other = service(sandbox, HealthCheck.tcp());
      double third = service(sandbox, HealthCheck.http("/"));
      if (i >= 0) {
        bare.add(one);
        service.add(other);
        checked.add(third);
      }
    }
    say(name, "bare", bare, bare);
    say(name, "service", service, bare);
    say(name, "service with an HTTP check, so two calls", checked, bare);
    assertThat(service).hasSize(ROUNDS);
  }

  private static void say(String name, String what, List<Double> values, List<Double> bare) {
    System.out.printf(
        "%s: %s p50 %.1f ms (%+.1f %%), p90 %.1f ms, %d rounds%n",
        name,
        what,
        median(values),
        100 * (median(values) / median(bare) - 1),
        p90(values),
        values.size());
  }

  private static double service(Sandbox sandbox, HealthCheck health) throws Exception {
    ServiceSpec spec =
        ServiceSpec.command("python3", "-c", SERVER, "{host}", "{port}")
            .health(health)
            .stopGrace(Duration.ZERO)
            .build();
    long began = System.nanoTime();
    try (Service service = Service.start(sandbox, spec)) {
      new JsonClient(service.endpoint().url(), Map.of()).get("/", LONG).orThrow();
      return millis(began);
    }
  }

  private static double bare(List<String> before) throws Exception {
    try (Reservation reserved = Reservation.any(Address.of("127.0.0.1"), 1)) {
      List<String> command = new ArrayList<>(before);
      command.addAll(List.of("python3", "-c", SERVER, "127.0.0.1", "" + reserved.port()));
      JsonClient client =
          new JsonClient(URI.create("http://127.0.0.1:" + reserved.port()), Map.of());
      long began = System.nanoTime();
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      try {
        while (true) {
          try {
            client.get("/", LONG).orThrow();
            return millis(began);
          } catch (CallException notYet) {
            LockSupport.parkNanos(500_000);
          }
        }
      } finally {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
      }
    }
  }

  private static double millis(long began) {
    return (System.nanoTime() - began) / 1e6;
  }

  private static double median(List<Double> values) {
    return quantile(values, 0.5);
  }

  private static double p90(List<Double> values) {
    return quantile(values, 0.9);
  }

  private static double quantile(List<Double> values, double at) {
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    return sorted.get((int) (at * (sorted.size() - 1)));
  }
}
