package dev.berth.services.openhands;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.ServiceException;
import dev.berth.Volume;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.core.state.CacheHome;
import dev.berth.services.HealthCheck;
import dev.berth.services.Service;
import dev.berth.services.ServiceSpec;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An OpenHands agent server in an Apptainer sandbox of its own, for commands, files, git and
 * conversations.
 *
 * <pre>{@code
 * WorkspaceSpec spec =
 *     WorkspaceSpec.builder().serverImage("ghcr.io/openhands/agent-server:latest-python").build();
 * try (ApptainerWorkspace workspace = ApptainerWorkspace.start(spec)) {
 *   System.out.println(workspace.server().execute("uname -a").stdout());
 * }
 * }</pre>
 *
 * The server listens on loopback unless asked otherwise, and wants a random key that only this
 * object and the server know. {@link #close()} ends it with all that it started, and deletes the
 * sandbox; so does the end of this process. Thread-safe.
 */
public final class ApptainerWorkspace implements AutoCloseable {
  private static final List<String> KEYS = List.of("SESSION_API_KEY", "OH_SESSION_API_KEYS_0");

  private final ApptainerProvider provider;
  private final Sandbox sandbox;
  private final Service service;
  private final AgentServer server;
  private final boolean extraPorts;

  private ApptainerWorkspace(
      ApptainerProvider provider,
      Sandbox sandbox,
      Service service,
      AgentServer server,
      boolean extraPorts) {
    this.provider = provider;
    this.sandbox = sandbox;
    this.service = service;
    this.server = server;
    this.extraPorts = extraPorts;
  }

  /**
   * Makes the sandbox, starts the server and waits until it is ready. Mirrors and credentials for
   * images are those of the user's own configuration of the provider.
   *
   * @throws RequestException if the port is not available, or a part of the spec cannot be had
   * @throws CreateException if the image or the sandbox cannot be had
   * @throws ServiceException if the server died, or was not ready in time
   */
  public static ApptainerWorkspace start(WorkspaceSpec spec) throws InterruptedException {
    return start(spec, line -> {});
  }

  /** The same; {@code progress} takes lines for people while the image is fetched or built. */
  public static ApptainerWorkspace start(WorkspaceSpec spec, Consumer<String> progress)
      throws InterruptedException {
    return start(spec, ApptainerConfig.ofUser(), progress);
  }

  /** The same over another configuration of the provider, which the spec goes over. */
  public static ApptainerWorkspace start(
      WorkspaceSpec spec, ApptainerConfig users, Consumer<String> progress)
      throws InterruptedException {
    String key = Service.newKey();
    ServiceSpec serving = serviceSpec(spec, key, users.create().mountPoint());
    serving.requirePorts();
    ApptainerProvider provider = new ApptainerProvider(config(spec, users), cache(spec), progress);
    Sandbox sandbox = null;
    Service service = null;
    boolean done = false;
    try {
      SandboxSpec place = sandboxSpec(spec);
      provider.require(place);
      String image = image(spec, provider, progress);
      sandbox = provider.create(place.toBuilder().image(image).build());
      service = Service.start(sandbox, serving);
      AgentServer server =
          new AgentServer(service.endpoint().url(), key, spec.workingDir, service::requireAlive);
      server.createDirectory(spec.workingDir);
      done = true;
      return new ApptainerWorkspace(provider, sandbox, service, server, spec.extraPorts);
    } finally {
      if (!done) {
        end(service, sandbox, provider);
      }
    }
  }

  private static ApptainerConfig config(WorkspaceSpec spec, ApptainerConfig users) {
    ApptainerConfig.Create create = users.create();
    List<String> flags = new ArrayList<>(create.extraStartArgs());
    for (String location : spec.disableMountLocations) {
      flags.addAll(List.of("--no-mount", location));
    }
    if (spec.enableDockerCompat) {
      // The rest of --compat is how the provider's sandboxes are anyway, with a larger root.
      flags.addAll(List.of("--no-umask", "--no-eval"));
    }
    return users.with(
        new ApptainerConfig.Create(
            create.mode(),
            create.mountPoint(),
            create.startTimeout(),
            flags,
            create.applyResourceLimits(),
            spec.useFakeroot,
            spec.enableDockerCompat,
            create.lease()));
  }

  private static CacheHome cache(WorkspaceSpec spec) {
    return spec.cacheDir == null
        ? CacheHome.ofEnvironment()
        : new CacheHome(spec.cacheDir.toAbsolutePath().normalize());
  }

  private static String image(
      WorkspaceSpec spec, ApptainerProvider provider, Consumer<String> progress)
      throws InterruptedException {
    if (spec.baseImage != null) {
      return new BaseImage(spec.baseImage, System.getenv()).build(provider.images(), progress);
    }
    Path sif = spec.sifFile;
    return sif == null ? String.valueOf(spec.serverImage) : sif.toAbsolutePath().toString();
  }

  private static SandboxSpec sandboxSpec(WorkspaceSpec spec) {
    SandboxSpec.Builder made = SandboxSpec.builder().metadata("service", "openhands");
    Path mount = spec.mountDir;
    if (mount != null) {
      made.volume(Volume.ofHost(mount.toAbsolutePath().toString(), "/workspace", false));
    }
    if (!spec.binds.isEmpty()) {
      made.providerOption("binds", spec.binds);
    }
    if (spec.enableGpu) {
      made.resources(new SandboxResources(null, null, null, 1, null));
    }
    return made.build();
  }

  private static ServiceSpec serviceSpec(WorkspaceSpec spec, String key, String mountPoint) {
    // In the sandbox's own folder; by default the server's own files are among the agent's.
    String own = mountPoint + "/.openhands";
    ServiceSpec.Builder made =
        (spec.extraPorts
                // The image's entry point knows no argument for VSCode's port.
                ? ServiceSpec.command(port ->
                    List.of(
                        "/bin/sh",
                        "-c",
                        "OH_VSCODE_PORT=$0; export OH_VSCODE_PORT; exec /.singularity.d/runscript \"$@\"",
                        Integer.toString(port + 1),
                        "--host",
                        "{host}",
                        "--port",
                        "{port}"))
                : ServiceSpec.runscript("--host", "{host}", "--port", "{port}"))
            .name("the OpenHands agent server")
            .host(spec.host)
            .consecutivePorts(spec.extraPorts ? 3 : 1)
            .env("OH_CONVERSATIONS_PATH", own + "/conversations")
            .env("OH_BASH_EVENTS_DIR", own + "/bash_events")
            .env("OH_ENABLE_VSCODE", Boolean.toString(spec.extraPorts))
            .forwardEnv(
                spec.forwardEnv.stream()
                    .filter(name -> !KEYS.contains(name))
                    .toArray(String[]::new))
            .health(HealthCheck.http("/health"))
            .readiness(HealthCheck.http("/ready"))
            .startTimeout(spec.healthCheckTimeout);
    KEYS.forEach(name -> made.secretEnv(name, key));
    if (spec.hostPort != null) {
      made.port(spec.hostPort);
    }
    if (spec.detachLogs) {
      made.logSink(spec.logs);
    }
    return made.build();
  }

  /** The server: commands, files, git, conversations. */
  public AgentServer server() {
    return server;
  }

  /** The sandbox that it runs in, for what goes past the server. */
  public Sandbox sandbox() {
    return sandbox;
  }

  /** Where the server is. */
  public URI url() {
    return service.endpoint().url();
  }

  /** The port for VSCode; empty without {@code extra_ports}. */
  public Optional<Integer> vscodePort() {
    return extraPorts ? Optional.of(service.port() + 1) : Optional.empty();
  }

  /** The port for VNC; empty without {@code extra_ports}. */
  public Optional<Integer> vncPort() {
    return extraPorts ? Optional.of(service.port() + 2) : Optional.empty();
  }

  /** Whether the server's process runs. */
  public boolean isAlive() {
    return service.isAlive();
  }

  /** The end of what the server printed, without its keys. */
  public String log() {
    return service.log();
  }

  /**
   * Ends the server and starts it again, on its port, with its key and its conversations; those
   * that are open here go on.
   */
  public void restart() throws InterruptedException {
    service.restart();
  }

  /** Ends the server, and deletes the sandbox. Does nothing if that was done before. */
  @Override
  public void close() {
    end(service, sandbox, provider);
  }

  private static void end(
      @Nullable Service service, @Nullable Sandbox sandbox, ApptainerProvider provider) {
    try {
      if (service != null) {
        service.stop();
      }
    } finally {
      try {
        if (sandbox != null) {
          sandbox.stop();
        }
      } finally {
        provider.close();
      }
    }
  }

  /** Where it is. */
  @Override
  public String toString() {
    return "ApptainerWorkspace[" + url() + "]";
  }
}
