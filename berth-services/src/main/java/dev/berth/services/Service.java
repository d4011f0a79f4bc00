package dev.berth.services;

import dev.berth.ErrorType;
import dev.berth.ProcessExit;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxEndpoint;
import dev.berth.SandboxException;
import dev.berth.SandboxLostException;
import dev.berth.ServiceException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A server that runs in a sandbox and answers there.
 *
 * <pre>{@code
 * try (Service service = Service.start(sandbox, spec)) {
 *   URI url = service.endpoint().url();
 * }
 * }</pre>
 *
 * Whoever starts it owns it: {@link #stop()}, or {@link #close()}, which is the same, ends it and
 * all that it started. The end of its sandbox ends it too, and so does the loss of this host. It
 * keeps its port as long as it is not stopped, also while it is dead and across {@link #restart()}.
 * Thread-safe.
 */
public final class Service implements AutoCloseable {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** How many ports are tried for a server that cannot take over a reserved one. */
  private static final int MOST_PORTS = 3;

  private final Sandbox sandbox;
  private final ServiceSpec spec;
  private final Place place;
  private final Map<String, String> variables;
  private final ServiceLog log;
  private final ReentrantLock changing = new ReentrantLock();
  private volatile Run run;
  private volatile boolean stopped;
  private int restarts;

  private Service(Sandbox sandbox, ServiceSpec spec, Place place) throws InterruptedException {
    this.sandbox = sandbox;
    this.spec = spec;
    this.place = place;
    this.variables = spec.variables(System.getenv(), place.address(), place.port());
    this.log = new ServiceLog(spec.logLimit, spec.secretsAmong(variables), spec.logSink);
    this.run = begin();
  }

  /**
   * Starts a server and waits until it is well and ready.
   *
   * @throws RequestException if its port is not available, or the sandbox cannot be asked for this
   * @throws ServiceException if it died, at once, or was not well and ready in time; nothing of it
   *     is left
   * @throws SandboxLostException if the sandbox is gone
   */
  public static Service start(Sandbox sandbox, ServiceSpec spec) throws InterruptedException {
    for (int left = MOST_PORTS; ; left--) {
      Place place = Place.take(sandbox, spec);
      Service service = null;
      boolean done = false;
      try {
        service = new Service(sandbox, spec, place);
        service.awaitReady();
        done = true;
        return service;
      } catch (ServiceException e) {
        if (left == 1 || service == null || !service.lostItsPort()) {
          throw e;
        }
      } finally {
        if (!done) {
          if (service != null) {
            service.run.end(Duration.ZERO);
          }
          place.close();
        }
      }
    }
  }

  /**
   * Whether somebody took its port in the moment in which it was free, so that another one may do.
   */
  private boolean lostItsPort() {
    return spec.exclusive && spec.port == null && !run.listened() && place.isTaken();
  }

  /** A key for a server: 256 random bits as hexadecimal digits. */
  public static String newKey() {
    return random(32);
  }

  private static String random(int count) {
    byte[] bytes = new byte[count];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  private Run begin() throws InterruptedException {
    if (spec.exclusive) {
      place.open();
    }
    return Run.begin(sandbox, spec, place, variables, random(16), log);
  }

  private void awaitReady() throws InterruptedException {
    Optional<String> trouble = run.awaitReady();
    if (trouble.isPresent()) {
      Optional<ProcessExit> exit = run.exit();
      if (exit.isEmpty()) {
        run.end(Duration.ZERO);
      }
      throw failure(
          "Tried to start " + spec.name + " on port " + port() + ", but it " + trouble.get() + ".",
          exit);
    }
  }

  private SandboxException failure(String message, Optional<ProcessExit> exit) {
    if (exit.isPresent() && exit.get().errorType() == ErrorType.SANDBOX) {
      return new SandboxLostException(sandbox.provider(), sandbox.id(), message, null);
    }
    return new ServiceException(
        sandbox.provider(), sandbox.id(), message, exit.orElse(null), log.text(), null);
  }

  /** Where it is reached from this host; the same until it is stopped. */
  public SandboxEndpoint endpoint() {
    return place.endpoint();
  }

  /** The port it listens on in the sandbox. */
  public int port() {
    return place.port();
  }

  /** The sandbox it runs in. */
  public Sandbox sandbox() {
    return sandbox;
  }

  /** Whether it runs, as far as this host has heard. */
  public boolean isAlive() {
    return run.exit().isEmpty();
  }

  /** How it ended; empty while it runs. */
  public Optional<ProcessExit> exit() {
    return run.exit();
  }

  /** Waits for its end, but no longer than this; empty if it still runs then. */
  public Optional<ProcessExit> await(Duration atMost) throws InterruptedException {
    return run.await(atMost);
  }

  /**
   * What is wrong with it: asks its health check, and its readiness check if it has one. Empty if
   * it is well. Answers within {@code within}.
   */
  public Optional<String> trouble(Duration within) throws InterruptedException {
    Optional<ProcessExit> exit = exit();
    return exit.isPresent() ? Optional.of(Run.ending(exit.get())) : run.trouble(within);
  }

  /**
   * Does nothing while it runs.
   *
   * @throws ServiceException if it has ended, with how and the end of its log
   * @throws SandboxLostException if its sandbox is gone
   */
  public void requireAlive() throws InterruptedException {
    Optional<ProcessExit> exit = exit();
    if (exit.isPresent()) {
      run.drain();
      throw failure(
          "Tried to use "
              + spec.name
              + " on port "
              + port()
              + ", but it "
              + (stopped ? "was stopped" : Run.ending(exit.get()))
              + ".",
          exit);
    }
  }

  /**
   * The end of what it printed, of all its runs, at most as much as its spec says. Secrets are
   * replaced by {@code ***}, malformed UTF-8 by its replacement character.
   */
  public String log() {
    return log.text();
  }

  /**
   * Ends it if it still runs, and starts it again: same port, same variables.
   *
   * @throws RequestException if it was stopped, or restarted as often as its spec allows
   * @throws ServiceException as {@link #start} says; it can be restarted again
   */
  public void restart() throws InterruptedException {
    changing.lockInterruptibly();
    try {
      if (stopped || restarts == spec.maxRestarts) {
        throw new RequestException(
            sandbox.provider(),
            sandbox.id(),
            "Tried to restart "
                + spec.name
                + ", but it "
                + (stopped ? "was stopped" : "was restarted " + restarts + " times already")
                + "; start it anew.",
            null);
      }
      restarts++;
      run.end(spec.stopGrace);
      run = begin();
      boolean done = false;
      try {
        awaitReady();
        done = true;
      } finally {
        if (!done) {
          run.end(Duration.ZERO);
        }
      }
    } finally {
      changing.unlock();
    }
  }

  /**
   * Ends it: SIGTERM to all its processes, and SIGKILL after its grace. When this returns they are
   * gone, and its port is free. Does nothing if that was done before. An interrupt is kept until
   * then.
   */
  public void stop() {
    boolean interrupted = Thread.interrupted();
    changing.lock();
    try {
      if (!stopped) {
        stopped = true;
        run.end(spec.stopGrace);
        place.close();
      }
    } finally {
      changing.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void close() {
    stop();
  }

  /** The server's name and port. */
  @Override
  public String toString() {
    return "Service[" + spec.name + " on port " + port() + "]";
  }
}
