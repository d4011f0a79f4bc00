package dev.berth.fargate;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.Endpoints;
import dev.berth.ExecResult;
import dev.berth.OutputSink;
import dev.berth.ProcessSummary;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxEndpoint;
import dev.berth.SandboxProcess;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.Transfer;
import dev.berth.TransferLimits;
import dev.berth.UnsupportedRequestException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A task that hosts an agent server: it is reached at {@link #localPort()}, and reaches the model
 * at {@link #modelTunnelPort()} of its loopback. There is no guest in it, so nothing else can be
 * run.
 */
final class AgentSandbox implements Sandbox, Endpoints, FargateTask {
  private final FargateHost host;
  private final SandboxSpec spec;
  private final int agentPort;
  private final int localPort;
  private final int modelPort;
  private final URI model;
  private final String variable;

  AgentSandbox(
      FargateHost host,
      SandboxSpec spec,
      int agentPort,
      int localPort,
      int modelPort,
      String model,
      String variable) {
    this.host = host;
    this.spec = spec;
    this.agentPort = agentPort;
    this.localPort = localPort;
    this.modelPort = modelPort;
    this.model = URI.create(model);
    this.variable = variable;
  }

  /** Waits until all containers run; if they do not, the task is ended. */
  void awaitRunning(Tasks tasks, Duration atMost) throws InterruptedException {
    boolean runs = false;
    try {
      TaskState state =
          tasks
              .watch()
              .await(
                  host.taskArn(), seen -> seen.over() || seen.status().equals("RUNNING"), atMost);
      runs = state != null && !state.over() && state.status().equals("RUNNING");
      if (!runs) {
        throw new CreateException(
            FargateProvider.NAME,
            host.id(),
            "Tried to create a Fargate sandbox, but "
                + (state != null && state.over() ? state.why() : "it did not run in time")
                + ".",
            null);
      }
    } finally {
      if (!runs) {
        host.destroy();
      }
    }
  }

  /** The port that a URL means. */
  static int port(URI url) {
    if (url.getPort() > 0) {
      return url.getPort();
    }
    return switch (url.getScheme().toLowerCase(Locale.ROOT)) {
      case "http", "ws" -> 80;
      case "https", "wss" -> 443;
      default ->
          throw new RequestException(
              FargateProvider.NAME,
              null,
              "Tried to use '" + url + "' as an outside endpoint; name its port, as in host:1234.",
              null);
    };
  }

  /** The URL with the task's loopback in place of its host. */
  static String resolved(URI url, int port) {
    String path = url.getRawPath() == null ? "" : url.getRawPath();
    String query = url.getRawQuery() == null ? "" : "?" + url.getRawQuery();
    return url.getScheme() + "://127.0.0.1:" + port + path + query;
  }

  @Override
  public String id() {
    return host.id();
  }

  @Override
  public String provider() {
    return host.provider();
  }

  @Override
  public SandboxSpec spec() {
    return spec;
  }

  @Override
  public List<String> notices() {
    return host.notices();
  }

  @Override
  public SandboxStatus status() {
    return host.status();
  }

  @Override
  public ExecResult exec(Command command, OutputSink sink) {
    throw none("run a command");
  }

  @Override
  public SandboxProcess start(Command command) {
    throw none("start a command");
  }

  @Override
  public SandboxProcess startBackground(Command command) {
    throw none("start a command");
  }

  @Override
  public SandboxProcess attach(String processId, long stdoutOffset, long stderrOffset) {
    throw none("attach to a command");
  }

  @Override
  public byte[] keptOutput(String processId, OutputSink.Channel channel) {
    throw none("show kept output");
  }

  @Override
  public List<ProcessSummary> processes() {
    throw none("list commands");
  }

  @Override
  public Transfer upload(Path local, String remote, TransferLimits limits) {
    throw none("upload files");
  }

  @Override
  public Transfer download(String remote, Path local, TransferLimits limits) {
    throw none("download files");
  }

  private UnsupportedRequestException none(String tried) {
    return new UnsupportedRequestException(
        FargateProvider.NAME,
        host.id(),
        "Tried to "
            + tried
            + " in a Fargate task in agent-server mode, but only its own server is in it; use that"
            + " at 127.0.0.1:"
            + localPort
            + ", or set ssh_sidecar.exec_server_port for exec-server mode.",
        null);
  }

  @Override
  public String resolveOutsideEndpoint(String url) {
    URI asked = URI.create(url);
    if (asked.getHost() != null
        && asked.getHost().equals(model.getHost())
        && port(asked) == port(model)) {
      return resolved(asked, modelPort);
    }
    throw new RequestException(
        FargateProvider.NAME,
        host.id(),
        "Tried to resolve '"
            + url
            + "', but in agent-server mode only the one outside endpoint is reached: "
            + model
            + ".",
        null);
  }

  @Override
  public Optional<String> resolvedEndpointUrl(String envVar) {
    return envVar.equals(variable) ? Optional.of(resolved(model, modelPort)) : Optional.empty();
  }

  @Override
  public SandboxEndpoint endpoint(int port) {
    if (agentPort != port) {
      throw new RequestException(
          FargateProvider.NAME,
          host.id(),
          "Tried to reach port "
              + port
              + " of the task; in agent-server mode only container_port "
              + agentPort
              + " is reached.",
          null);
    }
    return new SandboxEndpoint(URI.create("http://127.0.0.1:" + localPort), Map.of());
  }

  @Override
  public <A> Optional<A> ability(Class<A> type) {
    return type == Endpoints.class || type == FargateTask.class
        ? Optional.of(type.cast(this))
        : type == FargateHost.class ? Optional.of(type.cast(host)) : Optional.empty();
  }

  @Override
  public String taskArn() {
    return host.taskArn();
  }

  @Override
  public String taskIp() {
    return host.taskIp();
  }

  @Override
  public Description describeTask() {
    return host.describeTask();
  }

  @Override
  public OptionalInt localPort() {
    return OptionalInt.of(localPort);
  }

  @Override
  public OptionalInt modelTunnelPort() {
    return OptionalInt.of(modelPort);
  }

  @Override
  public void stop() {
    host.destroy();
  }

  @Override
  public void close() {
    host.destroy();
  }

  @Override
  public String toString() {
    return "Sandbox[" + provider() + " " + id() + "]";
  }
}
