package dev.berth.fargate;

import dev.berth.CreateException;
import dev.berth.Network;
import dev.berth.OutsideEndpoint;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxException;
import dev.berth.SandboxLostException;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.GuestSandbox;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.Descriptor;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.core.state.StateHome;
import dev.berth.fargate.ssh.Sidecar;
import dev.berth.fargate.ssh.SshTunnel;
import dev.berth.spi.SandboxProvider;
import dev.berth.spi.SandboxSummary;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.AbortedException;

/**
 * Sandboxes in tasks of ECS Fargate. AWS is first asked when a sandbox is first made, looked for or
 * cleared away.
 */
public final class FargateProvider implements SandboxProvider {
  /** The provider's name. */
  public static final String NAME = "ecs_fargate";

  private static final System.Logger LOG = System.getLogger(FargateProvider.class.getName());
  private static final Duration LEASE = Duration.ofMinutes(2);
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(20);
  private static final Duration COMMAND_TIMEOUT = Duration.ofMinutes(3);

  private final FargateConfig config;
  private final Consumer<String> progress;
  private final StateHome state;
  private final FolderRemoval removal;
  private final Set<Sandbox> owned = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition created = lock.newCondition();
  private @Nullable Place place;
  private int creating;
  private boolean closed;
  private boolean unawaited;

  /** With this configuration, and the folders that the environment names. */
  public FargateProvider(FargateConfig config) {
    this(config, line -> LOG.log(System.Logger.Level.DEBUG, line));
  }

  /** The same; {@code progress} takes lines for people while a task comes up. */
  public FargateProvider(FargateConfig config, Consumer<String> progress) {
    this.config = config;
    this.progress = progress;
    this.state = StateHome.ofEnvironment();
    this.removal = FolderRemoval.with(CacheHome.ofEnvironment());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Sandbox create(SandboxSpec asked) throws InterruptedException {
    begin();
    try {
      return make(asked);
    } finally {
      over();
    }
  }

  private Sandbox make(SandboxSpec asked) throws InterruptedException {
    SandboxSpec spec = withDefaults(asked);
    ImageChoice image = ImageChoice.of(config, spec);
    TaskSize size = TaskSize.of(config, spec.resources());
    check(spec);
    try {
      Place there = place();
      checkMode(there.config(), spec);
      there.tasks().check();
      TaskDefinitions.sidecar(there.config());
      TaskDefinitions.Content content =
          new TaskDefinitions.Content(
              image.provide(there, progress), size, spec.volumes(), List.of());
      TaskStart start =
          new TaskStart(
              there, state.create(NAME), removal, spec, content, notices(asked), progress);
      Sandbox sandbox;
      if (there.config().agentServer()) {
        OutsideEndpoint model = spec.outsideEndpoints().get(0);
        sandbox = start.agent(model.url(), model.envVar());
      } else {
        sandbox = start.guest(defaults(spec));
      }
      keep(sandbox);
      // One that has ended must not be held for as long as the provider lives.
      sandbox
          .ability(FargateHost.class)
          .ifPresent(host -> host.afterwards(() -> owned.remove(sandbox)));
      return sandbox;
    } catch (SandboxException e) {
      throw interrupted(e);
    }
  }

  /** From now on a creation is under way; whoever closes waits for it. */
  private void begin() {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("this provider is closed");
      }
      creating++;
    } finally {
      lock.unlock();
    }
  }

  /** A creation is over; if that was the last that was not waited for, nobody needs the place. */
  private void over() {
    lock.lock();
    try {
      creating--;
      created.signalAll();
      if (unawaited && creating == 0) {
        closePlace();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Takes a sandbox for this provider's own; one that comes up too late for that is ended. */
  private void keep(Sandbox sandbox) {
    boolean late;
    lock.lock();
    try {
      late = closed;
      if (!late) {
        owned.add(sandbox);
      }
    } finally {
      lock.unlock();
    }
    if (late) {
      sandbox.stop();
      throw new IllegalStateException("this provider was closed while a sandbox came up");
    }
  }

  private void closePlace() {
    Place there = place;
    place = null;
    if (there != null) {
      there.close();
    }
  }

  /** No task lives longer than the configuration allows. */
  private SandboxSpec withDefaults(SandboxSpec asked) {
    SandboxSpec.Builder spec = asked.toBuilder();
    if (asked.lease() == null) {
      spec.lease(LEASE);
    }
    Duration ttl = asked.ttl();
    if (ttl == null || ttl.compareTo(config.maxTaskLifetime()) > 0) {
      spec.ttl(config.maxTaskLifetime());
    }
    return spec.build();
  }

  /** What is given otherwise than it was asked for. */
  private List<String> notices(SandboxSpec asked) {
    Duration ttl = asked.ttl();
    return ttl == null || ttl.compareTo(config.maxTaskLifetime()) <= 0
        ? List.of()
        : List.of(
            "ttl "
                + ttl
                + " is cut to "
                + config.maxTaskLifetime()
                + ", the configuration's max_task_lifetime_sec.");
  }

  /** The SDK says an interrupt as an error of its own. */
  static SandboxException interrupted(SandboxException e) throws InterruptedException {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof AbortedException) {
        boolean cleared = Thread.interrupted();
        throw new InterruptedException(cleared ? "interrupted" : "aborted");
      }
    }
    return e;
  }

  /** What is wrong without AWS being asked. */
  private void check(SandboxSpec spec) {
    if (spec.network() != Network.HOST) {
      throw unsupported(
          "Tried to give a Fargate task the network "
              + spec.network()
              + ", but a task always has its VPC's; close it by its security groups.");
    }
    TaskDefinitions.check(spec.volumes());
    if (config.cluster().isEmpty() ? config.region() == null : config.subnets().isEmpty()) {
      throw new RequestException(
          NAME,
          null,
          "Tried to create a Fargate sandbox, but the configuration names no place for it; set"
              + " cluster, subnets and security_groups, or region alone and let SSM say the rest.",
          null);
    }
    if (config.sshSidecar() != null) {
      checkMode(config, spec);
    }
  }

  /** What fits one mode and not the other. */
  private static void checkMode(FargateConfig config, SandboxSpec spec) {
    if (!config.agentServer()) {
      return;
    }
    if (spec.outsideEndpoints().size() != 1) {
      throw new RequestException(
          NAME,
          null,
          "Tried to create a Fargate sandbox in agent-server mode with "
              + spec.outsideEndpoints().size()
              + " outside endpoints; it takes exactly one, the model's. More are for exec-server"
              + " mode (ssh_sidecar.exec_server_port).",
          null);
    }
    if (!spec.files().isEmpty()
        || spec.workdir() != null
        || spec.user() != null
        || spec.idleLimit() != null) {
      throw unsupported(
          "Tried to use files, workdir, user or idle_limit in agent-server mode, where no guest is"
              + " in the task; use exec-server mode (ssh_sidecar.exec_server_port).");
    }
  }

  @Override
  public Sandbox connect(String descriptor) throws InterruptedException {
    Descriptor found = Descriptor.read(descriptor, state);
    if (!found.provider().equals(NAME)) {
      throw new RequestException(
          "Tried to connect to a sandbox of the provider "
              + found.provider()
              + " by the provider "
              + NAME
              + "; use that one.");
    }
    SandboxFolder folder = found.folder();
    SandboxRecord record = folder.record().orElseThrow(() -> lost(folder, "it was never ready"));
    TaskNote note = TaskNote.read(folder).orElseThrow(() -> lost(folder, "its task is not known"));
    String arn = note.arn();
    String address = note.address();
    if (arn == null || address == null) {
      throw lost(folder, "its task never had an address");
    }
    Place there = place();
    if (!there.holds(note)) {
      throw new RequestException(
          NAME,
          folder.id(),
          "Tried to connect to sandbox "
              + folder.id()
              + ", which is in the cluster "
              + note.cluster()
              + " of "
              + note.region()
              + "; configure ecs_fargate for that.",
          null);
    }
    if (there.config().agentServer()) {
      throw unsupported(
          "Tried to connect to a Fargate sandbox in agent-server mode, but its tunnel belongs to"
              + " the process that made it.");
    }
    TaskState now = now(there, arn).orElse(null);
    if (now == null || now.over()) {
      throw lost(folder, now == null ? "ECS has forgotten its task" : now.why());
    }
    return connect(there, folder, record, arn, address);
  }

  private static Optional<TaskState> now(Place there, String arn) {
    try {
      return there.tasks().ask(arn);
    } catch (SandboxException e) {
      // The first question of a new JVM may take longer than a status may.
      return there.tasks().ask(arn);
    }
  }

  private Sandbox connect(
      Place there, SandboxFolder folder, SandboxRecord record, String arn, String address)
      throws InterruptedException {
    there.tasks().watch().add(arn);
    SshTunnel way = null;
    FargateHost host = null;
    boolean done = false;
    try {
      way =
          TaskStart.way(there, address, arn, folder.id())
              .readyWithin(Duration.ofSeconds(15))
              .build();
      way.open();
      int port = Objects.requireNonNull(TaskDefinitions.sidecar(there.config()).execServerPort());
      host =
          new FargateHost(
              folder,
              there.tasks(),
              removal,
              arn,
              address,
              way,
              way.link(port, Sidecar.token(way)),
              List.of());
      Sandbox sandbox = GuestSandbox.connect(host, record.spec(), defaults(record.spec()));
      done = true;
      return sandbox;
    } catch (CreateException e) {
      throw unreached(there, folder, arn, e);
    } finally {
      if (!done && host != null) {
        host.release();
      } else if (!done) {
        if (way != null) {
          way.close();
        }
        there.tasks().watch().remove(arn);
      }
    }
  }

  /**
   * It is lost only if its task is over, or another has its address: else it may be reached yet.
   */
  private static SandboxException unreached(
      Place there, SandboxFolder folder, String arn, CreateException e)
      throws InterruptedException {
    String why = String.valueOf(interrupted(e).getMessage());
    if (SshTunnel.refused(e)) {
      return lost(folder, why, e);
    }
    try {
      TaskState now = there.tasks().ask(arn).orElse(null);
      if (now == null || now.over()) {
        return lost(folder, why, e);
      }
    } catch (SandboxException unknown) {
      // An interrupt ends it all; else what cannot be asked for now is not known to be over.
      interrupted(unknown);
    }
    return new CreateException(
        NAME,
        folder.id(),
        "Tried to connect to sandbox "
            + folder.id()
            + ", whose task is not known to have ended, but it could not be reached; try again. "
            + why,
        e);
  }

  private static SandboxLostException lost(SandboxFolder folder, String why) {
    return lost(folder, why, null);
  }

  private static SandboxLostException lost(
      SandboxFolder folder, String why, @Nullable Throwable cause) {
    return new SandboxLostException(
        NAME,
        folder.id(),
        "Tried to connect to sandbox " + folder.id() + ", but " + why + ".",
        cause);
  }

  @Override
  public List<SandboxSummary> list() throws InterruptedException {
    List<SandboxFolder> folders =
        state.list().stream().filter(folder -> folder.provider().equals(NAME)).toList();
    return folders.isEmpty() ? List.of() : new Orphans(place(), state, removal).list(folders);
  }

  @Override
  public List<String> reap() throws InterruptedException {
    try {
      return new Orphans(place(), state, removal).reap();
    } catch (SandboxException e) {
      throw interrupted(e);
    }
  }

  private Place place() {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("this provider is closed");
      }
      Place there = place;
      if (there == null) {
        there = Place.of(config);
        place = there;
      }
      return there;
    } finally {
      lock.unlock();
    }
  }

  private static Defaults defaults(SandboxSpec spec) {
    return new Defaults(COMMAND_TIMEOUT, spec.user(), spec.workdir(), spec.env());
  }

  private static UnsupportedRequestException unsupported(String message) {
    return new UnsupportedRequestException(NAME, null, message, null);
  }

  /**
   * Ends the sandboxes that were made here and not detached. It waits a while for those that are
   * coming up; they are ended as soon as they are up.
   */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
    List<Thread> ends =
        owned.stream().map(sandbox -> Thread.ofVirtual().start(sandbox::close)).toList();
    boolean interrupted = false;
    for (Thread end : ends) {
      while (end.isAlive()) {
        try {
          end.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    owned.clear();
    lock.lock();
    try {
      long left = CLOSE_WITHIN.toNanos();
      while (creating > 0 && left > 0 && !interrupted) {
        try {
          left = created.awaitNanos(left);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      unawaited = creating > 0;
      if (!unawaited) {
        closePlace();
      }
    } finally {
      lock.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
