package dev.berth.fargate.images;

import dev.berth.SandboxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.codebuild.model.Build;
import software.amazon.awssdk.services.codebuild.model.StatusType;

/**
 * The making of one image by one thread: looks whether it is there, joins a build of it or starts
 * one, and waits for that.
 */
final class Making {
  /** How often one is begun anew that was stopped by another, or that CodeBuild itself failed. */
  private static final int MOST_BUILDS = 3;

  /** The builds that this JVM has begun and waits for. */
  private static final Set<String> BEGUN = ConcurrentHashMap.newKeySet();

  private static final ConcurrentHashMap<String, Semaphore> ROOM = new ConcurrentHashMap<>();

  private final BuildClients clients;
  private final BuildSettings settings;
  private final Builds builds;
  private final Path locks;
  private final Order order;
  private final boolean force;
  private final Duration atMost;
  private final long deadline;
  private final Shared self;
  private boolean staged;
  private boolean silent;

  Making(
      BuildClients clients,
      BuildSettings settings,
      Path locks,
      Order order,
      boolean force,
      Duration atMost,
      Shared self) {
    this.clients = clients;
    this.settings = settings;
    this.builds = new Builds(clients, settings);
    this.locks = locks;
    this.order = order;
    this.force = force;
    this.atMost = atMost;
    this.deadline = System.nanoTime() + atMost.toNanos();
    this.self = self;
  }

  /** The full URL of the image, which then is there. */
  String run() throws InterruptedException {
    Repository repository = Repository.find(clients, Objects.requireNonNull(settings.repository()));
    String url = repository.url(order.tag());
    if (!force && repository.has(order.tag())) {
      return url;
    }
    Semaphore room =
        ROOM.computeIfAbsent(
            clients.region() + " " + settings.projectName() + " " + settings.parallelism(),
            key -> new Semaphore(settings.parallelism()));
    if (!room.tryAcquire()) {
      self.report("waiting for one of " + settings.parallelism() + " builds to end");
      if (!room.tryAcquire(left(), TimeUnit.NANOSECONDS)) {
        throw BuildFailures.late(atMost);
      }
    }
    try {
      for (int tries = 1; ; tries++) {
        Build build = joinOrStart(repository);
        if (build == null) {
          return url;
        }
        BuildLog log = new BuildLog(clients, self::report);
        Build ended = follow(url, build, log);
        boolean ours = BEGUN.remove(build.id());
        if (ended.buildStatus() == StatusType.SUCCEEDED) {
          return url;
        }
        // Stopped by whoever began it and does not want it any more, or CodeBuild's own fault.
        boolean again =
            ended.buildStatus() == StatusType.FAULT
                || ended.buildStatus() == StatusType.STOPPED && !ours;
        if (!again || tries == MOST_BUILDS) {
          throw BuildFailures.ended(order.tried(), ended, log.tail(ended));
        }
      }
    } finally {
      room.release();
    }
  }

  /** The build to wait for; null if the image has come meanwhile. */
  private @Nullable Build joinOrStart(Repository repository) throws InterruptedException {
    String url = repository.url(order.tag());
    try (TagLock lock = TagLock.await(locks, url, Duration.ofNanos(left()))) {
      Build last = lock.last().isEmpty() ? null : builds.find(lock.last()).orElse(null);
      if (last != null && lock.waitedFor()) {
        return last;
      }
      Builds.History history = builds.history(url);
      Build running = Builds.underWay(last) ? last : history.running();
      if (running != null) {
        self.report("joining the build " + running.id() + " of " + url);
        return running;
      }
      // After the builds: one that ends between two looks has pushed it before.
      if (!force && repository.has(order.tag())) {
        return null;
      }
      Build started = start(url, history.latest());
      BEGUN.add(started.id());
      if (Thread.interrupted()) {
        if (self.alone()) {
          leave(url, started, false);
        }
        throw new InterruptedException();
      }
      lock.started(started.id());
      self.report("build " + started.id() + " of " + url);
      return started;
    }
  }

  private Build start(String url, String latest) throws InterruptedException {
    BuildContext context = order.context();
    if (context == null) {
      return builds.start(order, url, null, latest);
    }
    Stage stage = new Stage(clients, settings);
    self.report("staging " + context.bytes() + " bytes of " + context.root());
    boolean started = false;
    try {
      stage.put(context);
      staged = true;
      Build build = builds.start(order, url, stage.location(context), latest);
      started = true;
      return build;
    } finally {
      if (!started) {
        quietly(
            "unstage " + url,
            () -> {
              // Interrupted right then, it may have been started after all; then it needs it.
              if (builds.history(url).running() == null) {
                stage.remove(context, null);
              }
            });
      }
    }
  }

  /** Waits until it is over, with its log; takes away what was staged for it. */
  private Build follow(String url, Build begun, BuildLog log) throws InterruptedException {
    String id = begun.id();
    String phase = "";
    Build build = begun;
    boolean over = false;
    try {
      while (true) {
        build = look(build);
        if (!Objects.equals(build.currentPhase(), phase)) {
          phase = build.currentPhase();
          self.report("build " + id + ": " + phase);
        }
        log.advance(build);
        if (build.buildStatus() != StatusType.IN_PROGRESS) {
          over = true;
          return build;
        }
        if (left() <= 1) {
          throw BuildFailures.late(atMost);
        }
        Calls.pause(settings.poll());
      }
    } finally {
      // It goes on for whoever else waits for it in this JVM; they find it as they find others'.
      if (over || BEGUN.contains(id) && self.alone()) {
        leave(url, build, over);
      }
    }
  }

  /** What it is now; what it was, if that cannot be learnt at the moment. */
  private Build look(Build last) throws InterruptedException {
    String id = last.id();
    try {
      Build now = builds.find(id).orElseThrow(() -> forgotten(id));
      silent = false;
      return now;
    } catch (SdkException e) {
      // It goes on whether or not we can ask; the deadline bounds that.
      if (!Calls.passes(e)) {
        throw e;
      }
      if (!silent) {
        silent = true;
        self.report("build " + id + ": cannot be asked about at the moment: " + e.getMessage());
      }
      return last;
    }
  }

  /** Nothing is left of it. */
  private void leave(String url, Build build, boolean over) throws InterruptedException {
    quietly(
        "clear up after the build " + build.id(),
        () -> {
          if (!over) {
            builds.stop(build.id());
            BEGUN.remove(build.id());
          }
          BuildContext context = order.context();
          if (context != null) {
            // Staged here for a build that another host had begun just before, it is later than
            // that, and still nobody's.
            boolean last = staged && builds.history(url).running() == null;
            new Stage(clients, settings).remove(context, last ? null : build.startTime());
          }
        });
  }

  /** What is done at the end, also by a thread that was interrupted. */
  private interface End {
    void run() throws InterruptedException;
  }

  private static void quietly(String tried, End end) throws InterruptedException {
    boolean interrupted = Thread.interrupted();
    try {
      end.run();
    } catch (SdkException | SandboxException e) {
      // A build ends by its own timeout, and gc clears up what is staged.
      System.getLogger(Making.class.getName())
          .log(System.Logger.Level.DEBUG, "could not " + tried, e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private SandboxException forgotten(String id) {
    return BuildFailures.refused(
        order.tried(),
        "CodeBuild does not know the build " + id + " any more; ask for the image again.",
        null);
  }

  private long left() {
    return Math.max(1, deadline - System.nanoTime());
  }
}
