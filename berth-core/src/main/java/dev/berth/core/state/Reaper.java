package dev.berth.core.state;

import dev.berth.SandboxException;
import dev.berth.core.process.Reason;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Clears away what is nobody's: sandboxes whose owner is gone and whose guest does not answer,
 * half-made ones of killed creates, half-deleted ones. It works under the lease of each, so that
 * two reapers, or a reaper and a create, cannot touch the same one.
 */
public final class Reaper {
  private final StateHome home;
  private final FolderRemoval removal;

  /** What only a provider knows of its sandboxes. */
  public interface Carrier {
    /** Whether this is a sandbox of this provider. */
    boolean mine(String provider);

    /** Whether the guest answers. If so the sandbox is left alone: it ends by its own limits. */
    boolean alive(SandboxFolder folder) throws InterruptedException;

    /** Ends whatever may still carry the sandbox: processes, mounts. Its record may be missing. */
    void dispose(SandboxFolder folder) throws InterruptedException;
  }

  /** A reaper of this state home. */
  public Reaper(StateHome home, FolderRemoval removal) {
    this.home = home;
    this.removal = removal;
  }

  /**
   * Looks at every sandbox once. A sandbox that cannot be cleared away is reported and tried again
   * the next time; it does not stop the others.
   *
   * @return a line for each that was cleared away or could not be
   */
  public List<String> reap(Carrier carrier) throws InterruptedException {
    Set<String> ids = new LinkedHashSet<>(StateHome.names(home.leases()));
    ids.addAll(StateHome.names(home.sandboxes()));
    List<String> report = new ArrayList<>();
    try {
      Lease.sweep(home.leases().toFile());
    } catch (IOException e) {
      report.add("What stopped processes left in " + home.leases() + " stays: " + Reason.of(e));
    }
    for (String id : ids) {
      try {
        reap(id, carrier).ifPresent(report::add);
      } catch (IOException e) {
        report.add(id + ": could not be cleared away: " + Reason.of(e));
      } catch (SandboxException e) {
        report.add(id + ": could not be cleared away: " + e.getMessage());
      }
    }
    return report;
  }

  private Optional<String> reap(String id, Carrier carrier)
      throws IOException, InterruptedException {
    Optional<Lease> taken = Lease.take(home.leaseFile(id));
    if (taken.isEmpty() && home.find(id).isPresent()) {
      // Without a lease file: somebody deleted that by hand.
      taken = Lease.create(home.leaseFile(id), StateHome.host() + "\n");
    }
    if (taken.isEmpty()) {
      return Optional.empty();
    }
    try (Lease lease = taken.get()) {
      SandboxFolder folder = new SandboxFolder(home, id);
      if (!folder.exists()) {
        lease.delete();
        return Optional.empty();
      }
      String host = lease.text().strip();
      if (!host.isEmpty() && !host.equals(StateHome.host())) {
        // A home folder that several hosts share: their sockets and processes are not seen here.
        return Optional.empty();
      }
      String provider = folder.provider();
      if (!provider.isEmpty()) {
        if (!carrier.mine(provider) || carrier.alive(folder)) {
          return Optional.empty();
        }
        carrier.dispose(folder);
      }
      // Without a provider nothing was ever started in it.
      return Optional.of(
          folder
              .delete(removal, lease)
              .map(left -> id + ": could not be deleted: " + left)
              .orElse(
                  id + ": cleared away (" + (provider.isEmpty() ? "half made" : provider) + ")"));
    }
  }
}
