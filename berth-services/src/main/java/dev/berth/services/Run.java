package dev.berth.services;

import dev.berth.Command;
import dev.berth.OutputSink.Channel;
import dev.berth.ProcessExit;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** One run of a server, from its command's start to its end. Thread-safe. */
final class Run {
  /** What a check may take at most, so that a server that hangs is asked again. */
  private static final Duration CHECK_WITHIN = Duration.ofSeconds(10);

  private static final Duration DRAIN_WITHIN = Duration.ofSeconds(2);
  private static final Duration BACKSTOP = Duration.ofSeconds(10);

  /** Pauses between two looks are this part of the time since the start, within these bounds. */
  private static final int PART = 64;

  private static final long LEAST_NANOS = 1_000_000;
  private static final long MOST_NANOS = 50_000_000;

  /** So often in a row a stranger must be seen on the port: a look is no snapshot. */
  private static final int SURE = 3;

  /** How often, and how long at least, the server's processes are looked for. */
  private static final int MOST_SEARCHES = 10;

  private static final long PATIENCE_NANOS = 300_000_000;

  private final ServiceSpec spec;
  private final Place place;
  private final SandboxProcess process;
  private final String mark;
  private final List<Thread> pumps;
  private final long began = System.nanoTime();
  private volatile Optional<Kin> kin = Optional.empty();
  private volatile boolean listened;

  private Run(ServiceSpec spec, Place place, SandboxProcess process, String mark, ServiceLog log) {
    this.spec = spec;
    this.place = place;
    this.process = process;
    this.mark = mark;
    this.pumps =
        List.of(
            Thread.ofVirtual()
                .name("berth-service-log")
                .start(() -> log.pump(Channel.STDOUT, process.stdout())),
            Thread.ofVirtual()
                .name("berth-service-log")
                .start(() -> log.pump(Channel.STDERR, process.stderr())));
  }

  static Run begin(
      Sandbox sandbox,
      ServiceSpec spec,
      Place place,
      Map<String, String> variables,
      String mark,
      ServiceLog log)
      throws InterruptedException {
    Command command =
        spec.command(place.address(), place.port())
            .withEnv(variables)
            .withEnv(Kin.MARK, mark)
            .killingRemains();
    SandboxProcess process = sandbox.start(command);
    return new Run(spec, place, process, mark, log);
  }

  Optional<ProcessExit> exit() {
    if (process.isAlive()) {
      return Optional.empty();
    }
    boolean interrupted = Thread.interrupted();
    try {
      return process.await(Duration.ZERO);
    } catch (InterruptedException e) {
      throw new IllegalStateException("an ended command does not wait", e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  Optional<ProcessExit> await(Duration atMost) throws InterruptedException {
    return process.await(atMost);
  }

  /** Waits until the server is well and ready; else says what is wrong. Its end is seen at once. */
  Optional<String> awaitReady() throws InterruptedException {
    // A check may take long; the end of the server must not wait for it.
    SynchronousQueue<Optional<String>> outcome = new SynchronousQueue<>();
    AtomicReference<String> last = new AtomicReference<>("did not listen");
    Thread watch = ask(outcome, () -> Optional.of(ending(process.await())));
    Thread looks = ask(outcome, () -> look(last));
    try {
      Optional<String> result = outcome.poll(nanosLeft(), TimeUnit.NANOSECONDS);
      if (result == null) {
        return Optional.of(
            last.get() + " in " + spec.startTimeout.toMillis() + " ms, its start timeout");
      }
      if (result.isPresent() && exit().isPresent()) {
        drain();
        return Optional.of(ending(exit().get()));
      }
      return result;
    } finally {
      watch.interrupt();
      looks.interrupt();
    }
  }

  private interface Question {
    Optional<String> ask() throws InterruptedException;
  }

  /** Asks on a thread of its own, which an interrupt ends, and hands the answer over. */
  private static Thread ask(SynchronousQueue<Optional<String>> outcome, Question question) {
    return Thread.ofVirtual()
        .start(() -> {
          try {
            Optional<String> answer;
            try {
              answer = question.ask();
            } catch (RuntimeException | Error e) {
              answer = Optional.of("could not be checked: " + e);
            }
            outcome.put(answer);
          } catch (InterruptedException e) {
            // The outcome is known already.
          }
        });
  }

  private long nanosLeft() {
    return nanos(spec.startTimeout) - (System.nanoTime() - began);
  }

  /** A year for what cannot be counted. */
  private static long nanos(Duration duration) {
    Duration most = Duration.ofDays(365);
    return (duration.compareTo(most) < 0 ? duration : most).toNanos();
  }

  /** Looks until all is well; the caller's deadline ends it. */
  private Optional<String> look(AtomicReference<String> last) throws InterruptedException {
    int strangers = 0;
    for (int looks = 0; ; looks++) {
      if (kin.isEmpty() && looks < MOST_SEARCHES) {
        // While the server comes up there is time for it. Right after the start of a program its
        // environment cannot be seen yet.
        kin = Kin.find(mark);
      }
      Kin.Listener listener = listener();
      strangers = listener == Kin.Listener.STRANGER ? strangers + 1 : 0;
      if (strangers == SURE) {
        return Optional.of(
            "does not listen on it: a process that is not the server's does; nothing was sent to it");
      }
      if (listener == Kin.Listener.KIN || listener == Kin.Listener.UNKNOWN) {
        break;
      }
      pause();
    }
    listened = true;
    // Who connects has been seen to be served.
    Optional<String> trouble =
        spec.health == TcpHealth.INSTANCE ? Optional.empty() : check(spec.health);
    while (trouble.isPresent()) {
      last.set("was not well (" + trouble.get() + ")");
      pause();
      trouble = check(spec.health);
    }
    if (spec.readiness != null) {
      for (trouble = check(spec.readiness); trouble.isPresent(); ) {
        last.set("was not ready (" + trouble.get() + ")");
        pause();
        trouble = check(spec.readiness);
      }
    }
    return Optional.empty();
  }

  private void pause() throws InterruptedException {
    long nanos = Math.clamp((System.nanoTime() - began) / PART, LEAST_NANOS, MOST_NANOS);
    TimeUnit.NANOSECONDS.sleep(nanos);
  }

  /** Who listens; NOBODY as long as nobody does. */
  private Kin.Listener listener() {
    if (place.isShared() && !connects()) {
      // Cheaper than reading the tables of a busy host.
      return Kin.Listener.NOBODY;
    }
    kin = kin.isPresent() ? kin : Kin.find(mark);
    if (kin.isEmpty() && System.nanoTime() - began < PATIENCE_NANOS) {
      return Kin.Listener.NOBODY;
    }
    Kin.Listener listener =
        kin.map(known -> known.listener(reached(), place.port())).orElse(Kin.Listener.UNKNOWN);
    if (listener != Kin.Listener.UNKNOWN) {
      return listener;
    }
    if (place.isShared()) {
      return Kin.owner(reached(), place.port());
    }
    return TcpHealth.INSTANCE.trouble(place.endpoint(), CHECK_WITHIN).isPresent()
        ? Kin.Listener.NOBODY
        : Kin.Listener.UNKNOWN;
  }

  private InetAddress reached() {
    return Address.of(place.address().reached().replaceAll("[\\[\\]]", "")).value();
  }

  private boolean connects() {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(reached(), place.port()), (int) CHECK_WITHIN.toMillis());
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private Optional<String> check(HealthCheck check) throws InterruptedException {
    return check.trouble(place.endpoint(), CHECK_WITHIN);
  }

  /** What is wrong with a server that runs. */
  Optional<String> trouble(Duration within) throws InterruptedException {
    long deadline = System.nanoTime() + nanos(within);
    Optional<String> trouble = spec.health.trouble(place.endpoint(), within);
    if (trouble.isEmpty() && spec.readiness != null) {
      long left = Math.max(1_000_000, deadline - System.nanoTime());
      return spec.readiness.trouble(place.endpoint(), Duration.ofNanos(left));
    }
    return trouble;
  }

  /** How it ended, as it stands in a message. */
  static String ending(ProcessExit exit) {
    String detail = exit.detail().isEmpty() ? "" : ": " + exit.detail();
    return exit.errorType() == null
        ? "ended with exit code "
            + exit.returnCode()
            + " after "
            + exit.duration().toMillis()
            + " ms"
            + detail
        : "was lost" + detail;
  }

  /** Waits a little until the log has what the ended server printed. */
  void drain() throws InterruptedException {
    long deadline = System.nanoTime() + DRAIN_WITHIN.toNanos();
    for (Thread pump : pumps) {
      pump.join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
    }
  }

  /** Whether it was seen to listen on its port. */
  boolean listened() {
    return listened;
  }

  /**
   * Ends it with all that it started, and lets go of it. Returns once that is so; an interrupt is
   * kept until then.
   */
  void end(Duration grace) {
    Thread ending = Thread.ofVirtual().start(() -> endNow(grace));
    boolean interrupted = false;
    while (ending.isAlive()) {
      try {
        ending.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void endNow(Duration grace) {
    try {
      process.terminate(grace);
      process.await(grace.plus(BACKSTOP));
      drain();
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts this thread", e);
    } catch (SandboxException e) {
      // The sandbox is gone, and the server with it.
    } finally {
      process.close();
    }
  }
}
