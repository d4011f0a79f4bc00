package dev.berth.services.swerex;

import dev.berth.CreateException;
import dev.berth.Network;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.core.process.GuestBinary;
import dev.berth.services.Reservation;
import dev.berth.services.Service;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A swe-rex server in an Apptainer sandbox, as SWE-agent's Apptainer fork deploys it.
 *
 * <pre>{@code
 * try (var deployment = new ApptainerDeployment(ApptainerDeploymentConfig.of("python:3.11"))) {
 *   deployment.start();
 *   deployment.runtime().execute(ExecuteRequest.ofShell("uname -a"));
 * }
 * }</pre>
 *
 * The server listens on this host's loopback, with a random key that stands on no command line and
 * in no file. Its sandbox has a lease: if this process dies, all of it ends. Thread-safe; {@link
 * #stop()} waits for a start that is under way.
 */
public final class ApptainerDeployment implements Deployment {
  private static final String LOOPBACK = "127.0.0.1";

  private final ApptainerDeploymentConfig config;
  private final ApptainerConfig provider;
  private final DeployedImage image;
  private final List<DeploymentHook> hooks = new CopyOnWriteArrayList<>();
  private final ReentrantLock changing = new ReentrantLock();
  private volatile @Nullable Running running;

  /** What is there between a start and a stop. */
  private record Running(
      ApptainerProvider provider,
      Sandbox sandbox,
      Service service,
      RemoteRuntime runtime,
      String key,
      @Nullable PortMapping mapping) {}

  /**
   * A deployment that is not started yet, over the user's own configuration of the provider, with
   * its mirrors.
   *
   * @throws RequestException if that configuration is wrong, or has several blocks of the provider
   */
  public ApptainerDeployment(ApptainerDeploymentConfig config) {
    this(config, ApptainerConfig.ofUser());
  }

  /** The same over this configuration of the provider. */
  public ApptainerDeployment(ApptainerDeploymentConfig config, ApptainerConfig provider) {
    this(config, provider, Path.of(System.getenv().getOrDefault("HOME", "/")));
  }

  ApptainerDeployment(ApptainerDeploymentConfig config, ApptainerConfig provider, Path home) {
    this.config = config;
    this.provider = ApptainerArgs.parse(config.apptainerArgs()).applyTo(provider);
    this.image = new DeployedImage(config, home);
  }

  /** Its configuration. */
  public ApptainerDeploymentConfig config() {
    return config;
  }

  /** From now on this hears the steps of starts and stops. */
  public void addHook(DeploymentHook hook) {
    hooks.add(hook);
  }

  @Override
  public void start() throws InterruptedException {
    changing.lockInterruptibly();
    try {
      if (running != null) {
        throw new RequestException("Tried to start a deployment that is started; stop it first.");
      }
      checkPlatform();
      ApptainerArgs args = ApptainerArgs.parse(config.apptainerArgs());
      PortMapping mapping = PortMapping.of(args, config.port(), this::step);
      boolean done = false;
      ApptainerProvider apptainer = null;
      try {
        if (mapping == null && !args.noNetwork()) {
          Reservation.take(LOOPBACK, port(args)).close();
        }
        apptainer =
            new ApptainerProvider(
                mapping == null ? provider : mapping.applyTo(provider), this::step);
        running = start(apptainer, args, mapping);
        done = true;
      } finally {
        if (!done) {
          if (apptainer != null) {
            apptainer.close();
          }
          if (mapping != null) {
            mapping.close();
          }
        }
      }
    } finally {
      changing.unlock();
    }
  }

  /** The port of this host's that is asked for; null for any. */
  private @Nullable Integer port(ApptainerArgs args) {
    return config.port() == null ? args.mappedPort() : config.port();
  }

  private Running start(
      ApptainerProvider apptainer, ApptainerArgs args, @Nullable PortMapping mapping)
      throws InterruptedException {
    boolean own = mapping != null || args.noNetwork();
    SandboxSpec spec = sandboxSpec(args, own);
    apptainer.require(spec);
    String ready = image.ready(apptainer.images(), this::step);
    long until = System.nanoTime() + config.startupTimeout().toNanos();
    step("Starting a sandbox from " + ready);
    Sandbox sandbox = sandbox(apptainer, spec.toBuilder().image(ready).build());
    boolean done = false;
    try {
      sandbox.notices().forEach(this::step);
      String python = python(sandbox, until);
      String key = Service.newKey();
      step("Starting runtime");
      Service service =
          Service.start(
              sandbox,
              SwerexServer.spec(
                  python,
                  mapping == null ? LOOPBACK : "0.0.0.0",
                  own ? null : port(args),
                  key,
                  left(until)));
      step("Runtime started at " + service.endpoint().url());
      if (mapping != null) {
        step("Port " + mapping.port() + " of all this host's addresses leads to it, too");
      }
      RemoteRuntime runtime = new RemoteRuntime(service.endpoint(), key);
      Running all = new Running(apptainer, sandbox, service, runtime, key, mapping);
      done = true;
      return all;
    } catch (RequestException e) {
      throw e;
    } catch (SandboxException e) {
      throw startup("start swe-rex in a sandbox from " + ready, e);
    } finally {
      if (!done) {
        sandbox.stop();
      }
    }
  }

  private SandboxSpec sandboxSpec(ApptainerArgs args, boolean own) {
    SandboxSpec.Builder spec = SandboxSpec.builder().readyTimeout(config.startupTimeout());
    args.applyTo(spec);
    if (own) {
      // As far as Berth's own flags go; a mapping's come besides.
      spec.network(Network.NONE).port(PortMapping.INNER_PORT);
    }
    return spec.build();
  }

  private static Sandbox sandbox(ApptainerProvider apptainer, SandboxSpec spec)
      throws InterruptedException {
    try {
      return apptainer.create(spec);
    } catch (CreateException e) {
      throw startup("start a sandbox from " + spec.image(), e);
    }
  }

  private String python(Sandbox sandbox, long until) throws InterruptedException {
    String folder = config.pythonStandaloneDir();
    Optional<String> python = SwerexServer.find(sandbox, folder, left(until));
    if (python.isEmpty() && folder != null) {
      throw new SwerexException(
          Failure.DEPLOYMENT_STARTUP,
          "Tried to run swe-rex from "
              + folder
              + ", but there is no python3.11/bin/python3 with swe-rex in it; name the folder of the"
              + " image that has one, or leave python_standalone_dir out.");
    }
    if (python.isEmpty()) {
      step("The image has no swe-rex: installing it with pipx, which needs a network");
      Optional<String> failure = SwerexServer.install(sandbox, left(until));
      python = failure.isPresent() ? python : SwerexServer.find(sandbox, null, left(until));
      if (python.isEmpty()) {
        throw new SwerexException(
            Failure.DEPLOYMENT_STARTUP,
            "Tried to install swe-rex in "
                + config.image()
                + " with pipx, but that failed; build it into the image, or use a NativeRuntime,"
                + " which needs nothing in it. It printed:\n"
                + failure.orElse("nothing, and swe-rex is not there"));
      }
    }
    return python.get();
  }

  private void checkPlatform() {
    String wanted = config.architecture();
    if (wanted != null && !wanted.equals(GuestBinary.architecture())) {
      throw new UnsupportedRequestException(
          ApptainerProvider.NAME,
          null,
          "Tried to deploy for "
              + config.platform()
              + ", but this host is "
              + GuestBinary.architecture()
              + "; use a host of that kind.",
          null);
    }
  }

  private static Duration left(long until) {
    return Duration.ofNanos(Math.max(1_000_000, until - System.nanoTime()));
  }

  private static SwerexException startup(String tried, SandboxException e) {
    return new SwerexException(
        Failure.DEPLOYMENT_STARTUP, "Tried to " + tried + ", but: " + e.getMessage(), "", e);
  }

  private void step(String message) {
    hooks.forEach(hook -> hook.onCustomStep(message));
  }

  @Override
  public RemoteRuntime runtime() {
    return started().runtime();
  }

  /**
   * The server that hosts the runtime: its log, its endpoint. {@link
   * Failure#DEPLOYMENT_NOT_STARTED}.
   */
  public Service service() {
    return started().service();
  }

  /**
   * The port of this host that Apptainer leads to the server; empty unless {@code --net} is used.
   * {@link Failure#DEPLOYMENT_NOT_STARTED}.
   */
  public Optional<Integer> mappedPort() {
    PortMapping mapping = started().mapping();
    return mapping == null ? Optional.empty() : Optional.of(mapping.port());
  }

  /** The server's key, for tests. */
  String key() {
    return started().key();
  }

  @Override
  public Liveness isAlive() throws InterruptedException {
    Running now = started();
    if (!now.service().isAlive()) {
      return new Liveness(false, "The server has ended. Its log ends:\n" + now.service().log());
    }
    return now.runtime().isAlive();
  }

  private Running started() {
    Running now = running;
    if (now == null) {
      throw PlainDeployment.notStarted();
    }
    return now;
  }

  @Override
  public void stop() {
    changing.lock();
    try {
      Running now = running;
      running = null;
      if (now == null) {
        return;
      }
      try (ApptainerProvider apptainer = now.provider();
          Sandbox sandbox = now.sandbox();
          Service service = now.service()) {
        step("Stopping runtime");
      } finally {
        if (now.mapping() != null) {
          now.mapping().close();
        }
      }
      if (config.removeImages()) {
        image.remove(now.provider().images(), this::step);
      }
    } finally {
      changing.unlock();
    }
  }
}
