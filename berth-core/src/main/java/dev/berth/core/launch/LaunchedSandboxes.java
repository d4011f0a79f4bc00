package dev.berth.core.launch;

import dev.berth.CreateException;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxLostException;
import dev.berth.SandboxSpec;
import dev.berth.SandboxStatus;
import dev.berth.UnusableException;
import dev.berth.core.guest.Defaults;
import dev.berth.core.guest.GuestSandbox;
import dev.berth.core.guest.Probe;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.Descriptor;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.Reaper;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.SandboxRecord;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxSummary;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The sandboxes that one provider has on this host, those of other processes too. What a provider
 * of this kind adds is how a guest is started. Thread-safe.
 */
public final class LaunchedSandboxes implements AutoCloseable {
  /**
   * After its time to live a guest ends by itself; one that does not has been replaced by what ran
   * in the sandbox.
   */
  private static final Duration AFTER_EXPIRY = Duration.ofMinutes(1);

  private static final Duration ALIVE_WITHIN = Duration.ofSeconds(10);
  private static final Duration LONGEST_START = Duration.ofMinutes(10);

  private final String provider;
  private final StateHome state;
  private final CacheHome cache;
  private final FolderRemoval removal;
  private final Semaphore starts;
  private final Map<GuestSandbox, LaunchedGuest> owned = new ConcurrentHashMap<>();

  /** How a guest is started in this folder, which is there for it alone. */
  @FunctionalInterface
  public interface Starter {
    /** The command, its environment, and what has to be said about it. */
    Launch launch(SandboxFolder folder) throws InterruptedException;
  }

  /**
   * Those of this provider; {@code starts} bounds how many launched programs run at the same time.
   */
  public LaunchedSandboxes(String provider, StateHome state, CacheHome cache, Semaphore starts) {
    this.starts = starts;
    this.provider = provider;
    this.state = state;
    this.cache = cache;
    this.removal = FolderRemoval.with(cache);
  }

  /** Makes a sandbox; if anything fails, nothing of it is left. */
  public GuestSandbox create(
      SandboxSpec spec, Defaults defaults, Probe probe, Duration readyWithin, Starter starter)
      throws InterruptedException {
    starts.acquire();
    LaunchedGuest guest = null;
    boolean stays = true;
    try {
      SandboxFolder folder = state.create(provider);
      Launch launch = prepare(folder, spec, starter);
      stays = launch.stays();
      guest = LaunchedGuest.launch(folder, removal, cache.guest(), launch);
      GuestSandbox sandbox = GuestSandbox.create(guest, spec, defaults, probe, readyWithin);
      guest.arrived();
      owned.values().removeIf(LaunchedGuest::destroyed);
      owned.put(sandbox, guest);
      return sandbox;
    } catch (UnusableException e) {
      throw e;
    } catch (CreateException e) {
      String said = guest == null ? "" : guest.lastWords();
      throw said.isEmpty()
          ? e
          : new CreateException(
              provider, e.sandboxId(), e.getMessage() + " The start said:\n" + said, e);
    } finally {
      releaseStart(guest, stays);
    }
  }

  private Launch prepare(SandboxFolder folder, SandboxSpec spec, Starter starter)
      throws InterruptedException {
    boolean prepared = false;
    try {
      Launch launch = starter.launch(folder);
      folder.write(SandboxRecord.of(folder.id(), provider, spec));
      prepared = true;
      return launch;
    } finally {
      if (!prepared) {
        folder.delete(removal);
      }
    }
  }

  /** A start that ends by itself counts until then, although its guest answers before. */
  private void releaseStart(@Nullable LaunchedGuest guest, boolean stays) {
    if (guest == null || stays) {
      starts.release();
      return;
    }
    LaunchedGuest started = guest;
    Thread.ofVirtual()
        .start(() -> {
          try {
            started.awaitLauncher(LONGEST_START);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          } finally {
            starts.release();
          }
        });
  }

  /** See {@link dev.berth.spi.SandboxProvider#connect}. */
  public Sandbox connect(String descriptor, Function<SandboxSpec, Defaults> defaults)
      throws InterruptedException {
    Descriptor found = Descriptor.read(descriptor, state);
    if (!found.provider().equals(provider)) {
      throw new RequestException(
          "Tried to connect to a sandbox of the provider "
              + found.provider()
              + " by the provider "
              + provider
              + "; use that one.");
    }
    return connect(found.folder(), defaults);
  }

  private Sandbox connect(SandboxFolder folder, Function<SandboxSpec, Defaults> defaults)
      throws InterruptedException {
    SandboxRecord record =
        folder
            .record()
            .orElseThrow(() ->
                new SandboxLostException(
                    provider,
                    folder.id(),
                    "Tried to connect to sandbox "
                        + folder.id()
                        + ", but it was never ready, or is being deleted.",
                    null));
    return GuestSandbox.connect(
        LaunchedGuest.find(folder, removal), record.spec(), defaults.apply(record.spec()));
  }

  /** See {@link dev.berth.spi.SandboxProvider#list}. */
  public List<SandboxSummary> list() {
    List<SandboxFolder> folders =
        state.list().stream().filter(folder -> folder.provider().equals(provider)).toList();
    List<SandboxFolder> running = LaunchedGuest.running(folders);
    List<SandboxSummary> summaries = new ArrayList<>();
    for (SandboxFolder folder : folders) {
      folder
          .record()
          .ifPresent(record ->
              summaries.add(
                  new SandboxSummary(
                      folder.id(),
                      provider,
                      running.contains(folder) ? SandboxStatus.RUNNING : SandboxStatus.STOPPED,
                      record.spec().image(),
                      record.created(),
                      record.expires(),
                      folder.owned(),
                      record.spec().metadata(),
                      folder.id())));
    }
    return List.copyOf(summaries);
  }

  /** See {@link dev.berth.spi.SandboxProvider#reap}. */
  public List<String> reap() throws InterruptedException {
    return new Reaper(state, removal).reap(new OwnCarrier());
  }

  /**
   * Ends the sandboxes that were made here and not detached. One that fails to end does not keep
   * the others from it.
   */
  @Override
  public void close() {
    List<Thread> ends =
        owned.keySet().stream().map(sandbox -> Thread.ofVirtual().start(sandbox::close)).toList();
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
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private final class OwnCarrier implements Reaper.Carrier {
    @Override
    public boolean mine(String name) {
      return name.equals(provider);
    }

    @Override
    public boolean alive(SandboxFolder folder) throws InterruptedException {
      boolean overdue =
          folder
              .record()
              .map(SandboxRecord::expires)
              .filter(expires -> expires.plus(AFTER_EXPIRY).isBefore(Instant.now()))
              .isPresent();
      LaunchedGuest guest = LaunchedGuest.find(folder, removal);
      if (overdue || guest.link().gone()) {
        return false;
      }
      // What answers for a guest that is stopped has taken its socket.
      return Pulse.beats(folder.socket(), ALIVE_WITHIN) && !guest.link().stopped();
    }

    @Override
    public void dispose(SandboxFolder folder) {
      LaunchedGuest.find(folder, removal).destroyCarriers();
    }
  }
}
