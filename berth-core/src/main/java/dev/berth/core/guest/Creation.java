package dev.berth.core.guest;

import dev.berth.Command;
import dev.berth.CreateException;
import dev.berth.SandboxException;
import dev.berth.SandboxSpec;
import dev.berth.UnusableException;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The making of a sandbox out of a guest that is coming up, or is there. */
final class Creation {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(1);
  private static final Duration LONGEST_PAUSE = Duration.ofMillis(20);

  private final GuestHost host;
  private final SandboxSpec spec;
  private final Defaults defaults;
  private final Duration within;
  private final Faults faults;

  Creation(GuestHost host, SandboxSpec spec, Defaults defaults, Duration within) {
    this.host = host;
    this.spec = spec;
    this.defaults = defaults;
    this.within = within;
    this.faults = new Faults(host.provider(), host.id());
  }

  GuestSandbox create(Probe probe) throws InterruptedException {
    GuestClient client = null;
    boolean done = false;
    long began = System.nanoTime();
    try {
      client = new GuestClient(host.link(), faults, reach());
      GuestSandbox sandbox = assemble(client, true);
      inTime(began, "its guest answered");
      writeFiles(sandbox);
      inTime(began, "its files were written");
      if (!spec.entrypoint().isEmpty()) {
        sandbox.commands().startBackground(Command.of(spec.entrypoint()), false).close();
      }
      String failure = probe.failure(sandbox);
      inTime(began, "it was probed");
      if (failure != null) {
        throw new UnusableException(
            host.provider(),
            host.id(),
            "Tried to create a sandbox, and it came up, but did not pass its probe: " + failure,
            null);
      }
      done = true;
      return sandbox;
    } catch (IOException e) {
      throw failed(String.valueOf(e.getMessage()), e);
    } catch (CreateException e) {
      throw e;
    } catch (SandboxException e) {
      throw failed(String.valueOf(e.getMessage()), e);
    } finally {
      if (!done) {
        destroy(client);
      }
    }
  }

  private void inTime(long began, String step) throws IOException {
    if (System.nanoTime() - began > Watch.nanos(within)) {
      throw new IOException("it took longer than " + within + " until " + step);
    }
  }

  GuestSandbox connect() throws InterruptedException {
    GuestClient client = null;
    boolean done = false;
    try {
      client = new GuestClient(host.link(), faults, reach());
      GuestSandbox sandbox = assemble(client, false);
      done = true;
      return sandbox;
    } catch (IOException e) {
      throw faults.lost("connect to a sandbox", String.valueOf(e.getMessage()));
    } finally {
      if (!done && client != null) {
        client.close();
      }
    }
  }

  private GuestSandbox assemble(GuestClient client, boolean owned) throws InterruptedException {
    Forwards forwards = new Forwards(client, spec, host.sharesNetwork());
    boolean done = false;
    try {
      forwards.open();
      done = true;
    } finally {
      if (!done) {
        forwards.close();
      }
    }
    return new GuestSandbox(
        host, spec, defaults.with(forwards.environment()), client, forwards, owned);
  }

  /**
   * Tries until the guest answers. The socket may not be there yet; or it is, and the guest is not
   * yet behind it.
   */
  private Connection reach() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + Watch.nanos(within);
    Duration pause = FIRST_PAUSE;
    while (true) {
      long left = deadline - System.nanoTime();
      try {
        return Connection.open(
            host.link(), Duration.ofNanos(Math.max(1, left)), () -> host.link().gone());
      } catch (ProtocolException e) {
        throw new IOException("its guest broke the protocol (" + e.getMessage() + ")", e);
      } catch (IOException e) {
        if (host.link().gone()) {
          throw new IOException("it ended while it was starting", e);
        }
        if (deadline - System.nanoTime() <= 0) {
          throw new IOException("its guest did not answer within " + within, e);
        }
      }
      Thread.sleep(pause);
      Duration longer = pause.multipliedBy(2);
      pause = longer.compareTo(LONGEST_PAUSE) < 0 ? longer : LONGEST_PAUSE;
    }
  }

  private void writeFiles(GuestSandbox sandbox) throws InterruptedException {
    for (var file : spec.files().entrySet()) {
      sandbox.transfers().write(file.getKey(), file.getValue());
    }
  }

  private void destroy(@Nullable GuestClient client) {
    boolean interrupted = Thread.interrupted();
    try {
      if (client != null) {
        client.shutdown();
        client.close();
      }
      host.destroy();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private CreateException failed(String why, Throwable cause) {
    return new CreateException(
        host.provider(), host.id(), "Tried to create a sandbox, but " + why, cause);
  }
}
