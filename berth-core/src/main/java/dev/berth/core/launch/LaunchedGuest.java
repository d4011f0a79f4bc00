package dev.berth.core.launch;

import dev.berth.CreateException;
import dev.berth.SandboxStatus;
import dev.berth.core.guest.GuestHost;
import dev.berth.core.guest.Link;
import dev.berth.core.process.HostProcess;
import dev.berth.core.state.Descriptor;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.SandboxFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A guest that runs on this host, with the folder that stores its sandbox. Made by {@link #launch},
 * or found again by {@link #find}. Thread-safe.
 */
final class LaunchedGuest implements GuestHost {
  private static final System.Logger LOG = System.getLogger(LaunchedGuest.class.getName());
  private static final Duration BY_ITSELF = Duration.ofMillis(400);
  private static final Duration INNER_FIRST = Duration.ofSeconds(2);
  private static final Duration GIVE_UP = Duration.ofSeconds(7);
  private static final Duration COMING_UP = Duration.ofSeconds(10);
  private static final Duration SETTLED = Duration.ofMillis(250);
  private static final int LOOKS = 2;
  private static final Duration LOOK_AGAIN = Duration.ofMillis(100);
  private static final int LAST_WORDS = 3000;

  private final SandboxFolder folder;
  private final String provider;
  private final FolderRemoval removal;
  private final List<String> notices;
  private final Link link;
  private final @Nullable Process launcher;
  private final ReentrantLock ending = new ReentrantLock();
  private volatile @Nullable HostProcess guest;
  private final boolean stays;
  private final long launched = System.nanoTime();
  private volatile boolean arrived;
  private volatile boolean comingUp;
  private volatile long lastLook;
  private volatile long unseenSince;
  private volatile boolean destroyed;
  private volatile String lastWords = "";

  private LaunchedGuest(
      SandboxFolder folder,
      String provider,
      FolderRemoval removal,
      List<String> notices,
      @Nullable Process launcher,
      boolean stays) {
    this.stays = stays;
    this.folder = folder;
    this.provider = provider;
    this.removal = removal;
    this.notices = List.copyOf(notices);
    this.launcher = launcher;
    this.link = new UnixLink(folder.socket(), this::ended, this::stopped);
  }

  /**
   * Starts a guest.
   *
   * @param guest the guest's program
   * @throws CreateException if it could not be started; the folder is then deleted
   */
  static LaunchedGuest launch(
      SandboxFolder folder, FolderRemoval removal, Path guest, Launch launch) {
    List<String> line = new ArrayList<>(List.of(guest.toString(), "launch"));
    if (launch.stays()) {
      line.add("--detach");
    }
    line.addAll(List.of(folder.socket().toString(), log(folder).toString(), "--"));
    line.addAll(launch.command());
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().clear();
    builder.environment().putAll(launch.env());
    builder.environment().put(Strays.VARIABLE, folder.path().toString());
    builder.directory(folder.path().toFile());
    // The launcher opens its own log; what goes wrong before that is to be read there too.
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    try {
      folder.folder("log");
      builder.redirectError(ProcessBuilder.Redirect.appendTo(log(folder).toFile()));
      return new LaunchedGuest(
          folder, folder.provider(), removal, launch.notices(), builder.start(), launch.stays());
    } catch (CreateException e) {
      folder.delete(removal);
      throw e;
    } catch (IOException e) {
      folder.delete(removal);
      throw new CreateException(
          folder.provider(),
          folder.id(),
          "Tried to start a sandbox with "
              + launch.command().get(0)
              + ", but "
              + e.getMessage()
              + ".",
          e);
    }
  }

  /** The guest of a sandbox that was launched before, perhaps by another process. */
  static LaunchedGuest find(SandboxFolder folder, FolderRemoval removal) {
    return new LaunchedGuest(folder, folder.provider(), removal, List.of(), null, false);
  }

  /** The sandboxes among these whose guest, or what carries it, still runs. */
  static List<SandboxFolder> running(List<SandboxFolder> folders) {
    var marks = Carriers.marks();
    return folders.stream().filter(folder -> marks.contains(mark(folder).toString())).toList();
  }

  /** Notes that the guest has been there: from now on, not to be found is to be gone. */
  void arrived() {
    arrived = true;
  }

  /** Whether this process has ended it. */
  boolean destroyed() {
    return destroyed;
  }

  /** The end of what the start said, for messages; kept when the folder is deleted. */
  String lastWords() {
    String words = destroyed ? lastWords : readLog();
    Process process = launcher;
    return words.isEmpty() && process != null && !process.isAlive() && process.exitValue() != 0
        ? "(nothing, and ended with code " + process.exitValue() + ")"
        : words;
  }

  /**
   * Waits for the program that was launched; for an instance its end is the start's success or
   * failure. Empty if it still runs then, or was launched elsewhere.
   */
  @Nullable Integer awaitLauncher(Duration atMost) throws InterruptedException {
    Process process = launcher;
    return process != null
            && process.waitFor(
                Math.min(atMost.toMillis(), Integer.MAX_VALUE), TimeUnit.MILLISECONDS)
        ? process.exitValue()
        : null;
  }

  @Override
  public String id() {
    return folder.id();
  }

  @Override
  public String provider() {
    return provider;
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
    return ended() ? SandboxStatus.STOPPED : SandboxStatus.RUNNING;
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

  @Override
  public void release() {
    folder.release();
  }

  @Override
  public void destroy() {
    boolean interrupted = Thread.interrupted();
    ending.lock();
    try {
      if (destroyed) {
        return;
      }
      interrupted |= endCarriers();
      lastWords = readLog();
      destroyed = true;
      folder
          .delete(removal)
          .ifPresent(left ->
              LOG.log(
                  System.Logger.Level.WARNING,
                  "{0}: not all could be deleted, the next berth command tries again: {1}",
                  id(),
                  left));
    } finally {
      ending.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Ends what runs, and deletes nothing: for whoever deletes the folder. */
  void destroyCarriers() {
    if (endCarriers()) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Ends every process that carries the sandbox: first it may end by itself, then the inner ones
   * are killed, so that the outer ones clear up, then all. What comes up meanwhile is seen too: a
   * start that is given up goes on until it has been found.
   */
  private boolean endCarriers() {
    // While a start makes its namespaces, its processes cannot be looked into for moments.
    long settle = launcher != null && !arrived ? SETTLED.toNanos() : 0;
    long begun = System.nanoTime();
    long seen = begun;
    boolean interrupted = false;
    boolean guestSeen = false;
    boolean allKilled = false;
    Process starting = launcher;
    if (starting != null && arrived) {
      // The guest has answered; what is left of an instance's start is two waits of 100 ms.
      starting.destroyForcibly();
    }
    while (true) {
      Carriers carriers = Carriers.of(mark(folder));
      Process process = launcher;
      long now = System.nanoTime();
      boolean none = carriers.isEmpty() && (process == null || !process.isAlive());
      if (none && now - seen >= settle || now - begun > GIVE_UP.toNanos()) {
        if (!guestSeen || allKilled) {
          // Else the guest, or its guardian, has ended what was below it.
          Strays.kill(folder.path());
        }
        return interrupted;
      }
      guestSeen |= carriers.guest().isPresent();
      seen = none ? seen : now;
      long alone = BY_ITSELF.toNanos() - (now - begun);
      if (alone <= -INNER_FIRST.toNanos()) {
        if (process != null) {
          process.destroyForcibly();
        }
        carriers.killAll();
        allKilled = true;
      } else if (alone <= 0) {
        carriers.killInner();
      }
      interrupted |=
          carriers.isEmpty()
              ? pause(settle > 0 ? 10 : 1)
              : awaitEnd(carriers, alone > 0 ? Duration.ofNanos(alone) : LOOK_AGAIN);
    }
  }

  private static boolean pause(long millis) {
    try {
      Thread.sleep(millis);
      return false;
    } catch (InterruptedException e) {
      return true;
    }
  }

  private static boolean awaitEnd(Carriers carriers, Duration atMost) {
    long deadline = System.nanoTime() + atMost.toNanos();
    boolean interrupted = false;
    long pause = 1;
    while (carriers.anyAlive() && System.nanoTime() < deadline) {
      interrupted |= pause(pause);
      pause = Math.min(pause + 1, 10);
    }
    return interrupted;
  }

  /** Whether the guest is gone for good. */
  private boolean ended() {
    if (destroyed) {
      return true;
    }
    Process process = launcher;
    if (process != null && process.isAlive()) {
      return false;
    }
    if (process != null && process.exitValue() != 0) {
      return true;
    }
    HostProcess known = guest;
    if (known == null) {
      return look();
    }
    return !known.alive();
  }

  private boolean stopped() {
    if (guest == null) {
      look();
    }
    HostProcess known = guest;
    return known != null && known.stopped();
  }

  /**
   * Looks for the guest among the host's processes, not more often than is reasonable while it is
   * coming up.
   */
  private boolean look() {
    long now = System.nanoTime();
    if (comingUp && now - lastLook < LOOK_AGAIN.toNanos()) {
      return false;
    }
    Carriers carriers = Carriers.of(mark(folder));
    HostProcess found = carriers.guest().orElse(null);
    for (int i = 0; i < LOOKS && found == null && !carriers.isEmpty(); i++) {
      // The kernel's list of children may leave some out while others end.
      carriers = Carriers.of(mark(folder));
      found = carriers.guest().orElse(null);
    }
    guest = found;
    // The launcher may be done, or have detached, before the guest is there; while namespaces are
    // made, nothing can be seen for moments. But a start that is done and has no guest for long has
    // failed.
    unseenSince = !carriers.isEmpty() ? 0 : unseenSince == 0 ? now : unseenSince;
    comingUp =
        found == null
            && launcher != null
            && !arrived
            && (unseenSince == 0 || now - unseenSince < SETTLED.toNanos())
            && (stays || now - launched < COMING_UP.toNanos());
    lastLook = now;
    return found == null && !comingUp;
  }

  private String readLog() {
    try (var channel = Files.newByteChannel(log(folder))) {
      long size = channel.size();
      channel.position(Math.max(0, size - LAST_WORDS));
      var buffer = java.nio.ByteBuffer.allocate(LAST_WORDS);
      while (buffer.hasRemaining() && channel.read(buffer) > 0) {}
      // What runs in the sandbox may have written it.
      return new String(
              buffer.array(), 0, buffer.position(), java.nio.charset.StandardCharsets.UTF_8)
          .replaceAll("[\\p{Cntrl}\\x{80}-\\x{9f}&&[^\n]]", "\ufffd")
          .strip();
    } catch (IOException e) {
      return "";
    }
  }

  private static Path log(SandboxFolder folder) {
    return folder.path().resolve("log").resolve("launch.log");
  }

  /** The empty file that everything which carries the sandbox keeps open. */
  private static Path mark(SandboxFolder folder) {
    return folder.path().resolve("log").resolve("launch.log.mark");
  }
}
