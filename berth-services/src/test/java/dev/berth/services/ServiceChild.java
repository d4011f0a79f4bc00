package dev.berth.services;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.state.CacheHome;
import dev.berth.local.LocalProvider;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Another JVM that starts services in a local sandbox, all at once, prints the port of each, and
 * stops them when its input ends. The server is the guest program itself: nothing starts quicker.
 */
final class ServiceChild implements AutoCloseable {
  private static final String MARK = "SERVICE_CHILD_MARK";

  private final Process process;
  private final BufferedReader output;

  private ServiceChild(Process process) {
    this.process = process;
    this.output = process.inputReader(StandardCharsets.UTF_8);
  }

  /** Starts one; the mark stands on its servers' command lines. */
  static ServiceChild start(int count, String mark) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-cp",
                System.getProperty("java.class.path"),
                ServiceChild.class.getName(),
                Integer.toString(count))
            .redirectError(Redirect.INHERIT);
    builder.environment().put(MARK, mark);
    return new ServiceChild(builder.start());
  }

  /** Waits until all its services answer, and gives their ports. */
  List<Integer> ports(int count) throws IOException {
    List<Integer> ports = new ArrayList<>();
    while (ports.size() < count) {
      String line = output.readLine();
      if (line == null) {
        throw new IOException("the child JVM ended too early; its error output is above");
      }
      if (line.startsWith("port ")) {
        ports.add(Integer.parseInt(line.substring("port ".length())));
      }
    }
    return ports;
  }

  /** What {@code kill -9} does. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Has it stop its services, and waits for its end. */
  int end() throws IOException, InterruptedException {
    process.getOutputStream().close();
    return process.waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  /** The child itself. */
  public static void main(String[] arguments) throws Exception {
    String guest = CacheHome.ofEnvironment().guest().toString();
    ServiceSpec spec =
        ServiceSpec.command(guest, "serve", "--tcp", "{host}:{port}", "--tag", System.getenv(MARK))
            .startTimeout(Duration.ofMinutes(2))
            .build();
    SandboxSpec lively = SandboxSpec.builder().lease(Duration.ofSeconds(2)).build();
    try (LocalProvider provider = new LocalProvider();
        Sandbox sandbox = provider.create(lively);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Service>> services = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
        services.add(threads.submit(() -> Service.start(sandbox, spec)));
      }
      for (Future<Service> each : services) {
        System.out.println("port " + each.get().port());
      }
      System.out.flush();
      while (System.in.read() >= 0) {
        // Until the parent has seen enough.
      }
      for (Future<Service> each : services) {
        Service service = each.get();
        threads.execute(service::close);
      }
    }
  }
}
