package dev.berth.fargate.images;

import dev.berth.SandboxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.codebuild.model.Build;
import software.amazon.awssdk.services.codebuild.model.StatusType;

/**
 * Images in ECR, made when they are first asked for: from a folder with a Dockerfile, or as a copy
 * of a public one. However many threads, processes and hosts ask for one, it is built once, and all
 * get it, or the failure of that build. Thread-safe.
 */
public final class ImageBuilds {
  /** What a build may take beyond its own limits: uploads, throttling, a log that comes late. */
  private static final Duration MARGIN = Duration.ofMinutes(10);

  /** How often one is begun anew that was stopped by another, or that CodeBuild itself failed. */
  private static final int MOST_BUILDS = 3;

  /** The builds that this JVM has begun and waits for. */
  private static final Set<String> BEGUN = ConcurrentHashMap.newKeySet();

  private static final ConcurrentHashMap<String, Semaphore> ROOM = new ConcurrentHashMap<>();

  private final BuildClients clients;
  private final BuildSettings settings;
  private final Path locks;
  private final Builds builds;

  /**
   * Nothing is asked of AWS here.
   *
   * @param locks a folder of this user, where processes of this host find each other
   */
  public ImageBuilds(BuildClients clients, BuildSettings settings, Path locks) {
    this.clients = clients;
    this.settings = settings;
    this.locks = locks;
    this.builds = new Builds(clients, settings);
  }

  /**
   * The full URL of the image that a folder's Dockerfile makes; built if the repository has none of
   * this content.
   *
   * @param name begins its tag, for people
   * @param force builds it also if it is there; joins a build of the same that is under way
   * @param progress takes lines for people: where the build is, and its log
   * @throws dev.berth.RequestException if a setting is missing, or the folder is no context
   * @throws dev.berth.CreateException if the build failed; its message ends with the log's end
   */
  public String build(Path folder, String name, boolean force, Consumer<String> progress)
      throws InterruptedException {
    String tried = "build an image from " + folder;
    settings.check(tried, true);
    BuildContext context = BuildContext.of(folder);
    return ensure(
        new Order(tried, Tags.of(name, context.hash()), context, null), force, progress);
  }

  /**
   * The full URL of a public image's copy; the image itself if it is not in a public registry. It
   * is copied once, whatever becomes of its tag in its own registry, unless {@code force} asks for
   * it anew.
   */
  public String mirror(String image, boolean force, Consumer<String> progress)
      throws InterruptedException {
    Optional<Tags.Public> source = Tags.Public.of(image);
    if (source.isEmpty()) {
      return image;
    }
    String reference = source.get().reference();
    String tried = "copy the image " + reference + " into ECR";
    settings.check(tried, false);
    return ensure(new Order(tried, source.get().mirrorTag(), null, reference), force, progress);
  }

  /** Deletes staged contexts that are nobody's any more; a line for each. */
  public List<String> reap() throws InterruptedException {
    if (settings.bucket() == null) {
      return List.of();
    }
    try {
      Set<String> inUse =
          builds.running().stream()
              .filter(build -> build.source() != null && build.source().location() != null)
              .map(build -> build.source().location())
              .collect(Collectors.toSet());
      return new Stage(clients, settings).reap(inUse);
    } catch (AbortedException e) {
      throw Calls.interrupted();
    } catch (SdkException e) {
      return List.of(
          "s3://"
              + settings.bucket()
              + "/"
              + settings.stagePrefix()
              + ": could not be cleared up: "
              + e.getMessage());
    }
  }

  private String ensure(Order order, boolean force, Consumer<String> progress)
      throws InterruptedException {
    Duration atMost = limit();
    String key = clients.region() + " " + settings.repository() + " " + order.tag() + " " + force;
    return Shared.run(
        key,
        atMost,
        progress,
        self -> {
          try {
            return make(order, force, self, System.nanoTime() + atMost.toNanos());
          } catch (AbortedException e) {
            throw Calls.interrupted();
          } catch (SdkException e) {
            throw BuildFailures.refused(order.tried(), e);
          }
        });
  }

  private Duration limit() {
    return settings.timeout().plus(Builds.queued(settings.timeout())).plus(MARGIN);
  }

  private String make(Order order, boolean force, Shared self, long deadline)
      throws InterruptedException {
    Repository repository =
        Repository.find(clients, Objects.requireNonNull(settings.repository()));
    String url = repository.url(order.tag());
    if (!force && repository.has(order.tag())) {
      return url;
    }
    Semaphore room =
        ROOM.computeIfAbsent(
            clients.region() + " " + settings.projectName() + " " + settings.parallelism(),
            key -> new Semaphore(settings.parallelism()));
    if (!room.tryAcquire(left(deadline), TimeUnit.NANOSECONDS)) {
      throw BuildFailures.late(limit());
    }
    try {
      for (int tries = 1; ; tries++) {
        Build build = joinOrStart(order, repository, force, deadline, self);
        if (build == null) {
          return url;
        }
        BuildLog log = new BuildLog(clients, self::report);
        Build ended = follow(order, build, log, deadline, self);
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
  private @Nullable Build joinOrStart(
      Order order, Repository repository, boolean force, long deadline, Shared self)
      throws InterruptedException {
    String url = repository.url(order.tag());
    try (TagLock lock = TagLock.await(locks, url, Duration.ofNanos(left(deadline)))) {
      if (!force && repository.has(order.tag())) {
        return null;
      }
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
      String location = null;
      BuildContext context = order.context();
      if (context != null) {
        Stage stage = new Stage(clients, settings);
        self.report("staging " + context.bytes() + " bytes of " + context.root());
        stage.put(context);
        location = stage.location(context);
      }
      Build started = builds.start(order, url, location, history.latest());
      BEGUN.add(started.id());
      lock.started(started.id());
      self.report("build " + started.id() + " of " + url);
      return started;
    }
  }

  /** Waits until it is over, with its log; takes away what was staged for it. */
  private Build follow(Order order, Build begun, BuildLog log, long deadline, Shared self)
      throws InterruptedException {
    String id = begun.id();
    String phase = "";
    Build build = begun;
    boolean over = false;
    try {
      while (true) {
        build = builds.find(id).orElseThrow(() -> forgotten(order, id));
        if (!Objects.equals(build.currentPhase(), phase)) {
          phase = build.currentPhase();
          self.report("build " + id + ": " + phase);
        }
        log.advance(build);
        if (build.buildStatus() != StatusType.IN_PROGRESS) {
          over = true;
          return build;
        }
        if (left(deadline) <= 1) {
          throw BuildFailures.late(limit());
        }
        Calls.pause(settings.poll());
      }
    } finally {
      // It goes on for whoever else waits for it in this JVM; they find it as they find others'.
      if (over || BEGUN.contains(id) && self.alone()) {
        leave(order, build, over);
      }
    }
  }

  /** Nothing is left of it, also if this thread was interrupted. */
  private void leave(Order order, Build build, boolean over)
      throws InterruptedException {
    boolean interrupted = Thread.interrupted();
    try {
      if (!over) {
        builds.stop(build.id());
        BEGUN.remove(build.id());
      }
      BuildContext context = order.context();
      if (context != null) {
        new Stage(clients, settings).remove(context, build);
      }
    } catch (SdkException | SandboxException e) {
      // The build ends by its own timeout, and gc clears up what was staged.
      System.getLogger(ImageBuilds.class.getName())
          .log(System.Logger.Level.DEBUG, "could not clear up after the build " + build.id(), e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static SandboxException forgotten(Order order, String id) {
    return BuildFailures.refused(
        order.tried(),
        "CodeBuild does not know the build " + id + " any more; ask for the image again.",
        null);
  }

  private static long left(long deadline) {
    return Math.max(1, deadline - System.nanoTime());
  }
}
