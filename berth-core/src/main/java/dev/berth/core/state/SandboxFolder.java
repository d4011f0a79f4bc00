package dev.berth.core.state;

import dev.berth.CreateException;
import dev.berth.core.process.Reason;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is stored on this host for one sandbox. The sandbox sees at most sub-folders that are
 * mounted into it. Thread-safe.
 *
 * <p>One that {@link StateHome#create} made is owned by this process until {@link #release()} or
 * {@link #delete}, or its death; one that was found is only looked at.
 */
public final class SandboxFolder {
  private static final String SOCKET = "guest.sock";
  private static final String RECORD = "record";
  private static final String PROVIDER = "provider";

  private final StateHome home;
  private final String id;
  private final Path path;
  private volatile @Nullable Lease lease;

  SandboxFolder(StateHome home, String id) {
    this.home = home;
    this.id = id;
    this.path = home.sandboxes().resolve(id);
  }

  /** Makes the folder, under a lease that is held already. */
  void begin(Lease held, String provider) throws IOException {
    boolean made = false;
    try {
      Files.createDirectory(path, StateHome.PRIVATE);
      try (FileOutputStream out = new FileOutputStream(path.resolve(PROVIDER).toFile())) {
        out.write(provider.getBytes(StandardCharsets.UTF_8));
      }
      made = true;
    } finally {
      if (!made) {
        // A full disk, most likely. The reaper finds the folder, if there is one.
        held.close();
      }
    }
    lease = held;
  }

  /** The sandbox's id. */
  public String id() {
    return id;
  }

  /** The state home that it is in. */
  public StateHome home() {
    return home;
  }

  /** The provider that makes it; empty if its maker was killed before it could say so. */
  public String provider() {
    try (FileInputStream in = new FileInputStream(path.resolve(PROVIDER).toFile())) {
      return new String(in.readNBytes(100), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }

  /** Where it is. */
  public Path path() {
    return path;
  }

  /** The guest's socket; a path that fits into a socket's address. */
  public Path socket() {
    return path.resolve(SOCKET);
  }

  /** A sub-folder such as {@code overlay/upper}, mode 0700, made if it is not there. */
  public Path folder(String name) {
    return folder(name, "rwx------");
  }

  /**
   * The same with this mode ({@code rwxr-xr-x}) for the last component. Other users of the host are
   * kept out by this folder.
   */
  public Path folder(String name, String mode) {
    Path folder = path.resolve(name);
    try {
      Files.createDirectories(folder, StateHome.PRIVATE);
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(mode));
      return folder;
    } catch (IOException e) {
      throw failed("make the folder " + folder, e);
    }
  }

  /** Replaces the record in one step: who reads it sees the old one or the new one. */
  public void write(SandboxRecord record) {
    try {
      RecordFile.write(path.resolve(RECORD).toFile(), record);
    } catch (IOException e) {
      throw failed("write down what is known of the sandbox", e);
    }
  }

  /** The record; empty if none was written yet, or it cannot be read. */
  public Optional<SandboxRecord> record() {
    File file = path.resolve(RECORD).toFile();
    try {
      return file.exists() ? Optional.of(RecordFile.read(file)) : Optional.empty();
    } catch (IOException e) {
      // Deleted meanwhile, or written by another version: nobody can take hold of it with that.
      return Optional.empty();
    }
  }

  /**
   * Whether a living process owns it; this one, too. For a moment also while a reaper looks at it.
   */
  public boolean owned() {
    try {
      return Lease.held(home.leaseFile(id));
    } catch (IOException e) {
      return false;
    }
  }

  /** Whether it is still there. */
  public boolean exists() {
    return path.toFile().isDirectory();
  }

  /** Gives up the ownership; the folder stays. Does nothing if this process is not the owner. */
  public void release() {
    Lease held = lease;
    lease = null;
    if (held != null) {
      held.close();
    }
  }

  /**
   * Deletes the folder and all in it, then the lease. Nothing may run in it any more. Works in an
   * interrupted thread. Does nothing if it is gone.
   *
   * @return what could not be deleted, as one line; empty if all is gone. Then the reaper will try
   *     again
   */
  public Optional<String> delete(FolderRemoval removal) {
    Lease held = lease;
    lease = null;
    if (held == null) {
      held = takeLease().orElse(null);
    }
    return delete(removal, held);
  }

  /** Deletes it on behalf of whoever holds this lease. */
  Optional<String> delete(FolderRemoval removal, @Nullable Lease held) {
    Optional<String> left = removal.remove(path);
    if (held != null && left.isEmpty()) {
      held.delete();
    } else if (held != null) {
      held.close();
    }
    return left;
  }

  private Optional<Lease> takeLease() {
    try {
      return Lease.take(home.leaseFile(id));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private CreateException failed(String tried, IOException e) {
    return new CreateException(null, id, "Tried to " + tried + ", but " + Reason.of(e) + ".", e);
  }

  @Override
  public String toString() {
    return "SandboxFolder[" + id + "]";
  }
}
