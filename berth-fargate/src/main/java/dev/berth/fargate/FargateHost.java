package dev.berth.fargate;

import dev.berth.SandboxException;
import dev.berth.SandboxStatus;
import dev.berth.core.guest.GuestHost;
import dev.berth.core.guest.Link;
import dev.berth.core.state.Descriptor;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.SandboxFolder;
import dev.berth.fargate.ssh.SshTunnel;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One task of ours: the way to the guest in it, its state as ECS says it, its end. Thread-safe.
 *
 * @see GuestHost
 */
final class FargateHost implements GuestHost, FargateTask {
  private static final System.Logger LOG = System.getLogger(FargateHost.class.getName());

  private final SandboxFolder folder;
  private final Tasks tasks;
  private final FolderRemoval removal;
  private final String arn;
  private final String address;
  private final SshTunnel tunnel;
  private final Link link;
  private final List<String> notices;
  private final ReentrantLock ending = new ReentrantLock();
  private final AtomicBoolean watched = new AtomicBoolean(true);
  private volatile boolean destroyed;
  private boolean ended;
  private volatile @Nullable TaskState last;
  private volatile Runnable afterwards = () -> {};

  /** Of a task that was added to the watch for this host, which removes it. */
  FargateHost(
      SandboxFolder folder,
      Tasks tasks,
      FolderRemoval removal,
      String arn,
      String address,
      SshTunnel tunnel,
      Link link,
      List<String> notices) {
    this.folder = folder;
    this.tasks = tasks;
    this.removal = removal;
    this.arn = arn;
    this.address = address;
    this.tunnel = tunnel;
    this.link = link;
    this.notices = notices;
  }

  @Override
  public String id() {
    return folder.id();
  }

  @Override
  public String provider() {
    return FargateProvider.NAME;
  }

  @Override
  public Link link() {
    return link;
  }

  @Override
  public List<String> notices() {
    return notices;
  }

  @Override
  public SandboxStatus status() {
    if (destroyed) {
      return SandboxStatus.STOPPED;
    }
    try {
      return tasks.ask(arn).map(now -> status(now, true)).orElse(SandboxStatus.STOPPED);
    } catch (SandboxException e) {
      return SandboxStatus.UNKNOWN;
    }
  }

  /**
   * What ECS's word for a task means. It says PENDING for seconds after all containers run: so once
   * a sandbox is {@code ready}, that it has not ended is what counts.
   */
  static SandboxStatus status(TaskState state, boolean ready) {
    if (state.over()) {
      return SandboxStatus.STOPPED;
    }
    return ready || state.status().equals("RUNNING")
        ? SandboxStatus.RUNNING
        : SandboxStatus.STARTING;
  }

  @Override
  public boolean sharesNetwork() {
    return false;
  }

  @Override
  public <A> Optional<A> ability(Class<A> type) {
    return type == FargateTask.class || type == FargateHost.class
        ? Optional.of(type.cast(this))
        : Optional.empty();
  }

  @Override
  public String taskArn() {
    return arn;
  }

  @Override
  public String taskIp() {
    return address;
  }

  @Override
  public Description describeTask() {
    return describe(tasks, arn);
  }

  static Description describe(Tasks tasks, String arn) {
    return tasks
        .ask(arn)
        .map(state ->
            new Description(
                arn, state.status(), state.over() ? state.why() : null, state.containers()))
        .orElse(new Description(arn, "GONE", "ECS has forgotten it", List.of()));
  }

  @Override
  public OptionalInt localPort() {
    return OptionalInt.empty();
  }

  @Override
  public OptionalInt modelTunnelPort() {
    return OptionalInt.empty();
  }

  @Override
  public String descriptor() {
    return Descriptor.of(folder).json();
  }

  @Override
  public void detach() {
    folder.record().ifPresent(record -> folder.write(record.asDetached()));
    folder.release();
  }

  /** Has this run once the task is ended or let go of; it must be quick. */
  void afterwards(Runnable step) {
    afterwards = step;
    if (destroyed) {
      step.run();
    }
  }

  @Override
  public void release() {
    unwatch();
    tunnel.close();
    folder.release();
    afterwards.run();
  }

  /** Ends the task; one that could not be ended is tried again the next time. */
  @Override
  public void destroy() {
    boolean interrupted = Thread.interrupted();
    ending.lock();
    try {
      if (!destroyed) {
        destroyed = true;
        unwatch();
        tunnel.close();
        afterwards.run();
      }
      if (!ended) {
        ended = end(folder, tasks, removal, arn, "The sandbox was stopped");
      }
    } finally {
      ending.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void unwatch() {
    if (watched.compareAndSet(true, false)) {
      last = tasks.watch().latest(arn);
      tasks.watch().remove(arn);
    }
  }

  /** The last that was seen of the task; absent if nothing was. */
  Optional<TaskState> last() {
    TaskState now = tasks.watch().latest(arn);
    return Optional.ofNullable(now == null ? last : now);
  }

  /** Makes an end of what carries a sandbox. */
  interface Ending {
    void run() throws InterruptedException;
  }

  /**
   * Ends a task, and then forgets the sandbox; if it cannot be ended now the reaper tries again.
   *
   * @return whether it was ended
   */
  static boolean end(
      SandboxFolder folder, Tasks tasks, FolderRemoval removal, String arn, String reason) {
    return end(folder, removal, () -> tasks.stop(arn, reason));
  }

  /**
   * The same by whatever way. It runs in a thread that nobody interrupts: an interrupt is kept
   * until it is over, for the SDK breaks off at one.
   */
  static boolean end(SandboxFolder folder, FolderRemoval removal, Ending ending) {
    AtomicBoolean ended = new AtomicBoolean();
    Thread thread =
        Thread.ofVirtual()
            .name("berth-end-task")
            .start(() -> {
              try {
                ending.run();
                ended.set(true);
                folder
                    .delete(removal)
                    .ifPresent(left ->
                        LOG.log(System.Logger.Level.WARNING, "{0}: {1}", folder.id(), left));
              } catch (InterruptedException | RuntimeException e) {
                LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: its task could not be ended, the next berth command tries again: {1}",
                    folder.id(),
                    e.getMessage());
              } finally {
                // Whoever clears up finds it only without an owner.
                folder.release();
              }
            });
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return ended.get();
  }
}
