package dev.berth.core.state;

import dev.berth.CreateException;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.process.FreshName;
import dev.berth.core.process.OwnFolder;
import dev.berth.core.process.Reason;
import dev.berth.spi.Finding;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * The folder that says what sandboxes this user has on this host: {@code BERTH_STATE_HOME}, else
 * {@code $XDG_STATE_HOME/berth}, else {@code ~/.local/state/berth}.
 *
 * <pre>
 * sandboxes/ID/   a folder for each, mode 0700
 * leases/ID       a file that the owner holds locked as long as it lives
 * </pre>
 *
 * The lease comes first and goes last, so that there is never a folder without an owner that is
 * still being made: a folder whose lease is free is an orphan. Thread-safe.
 */
public final class StateHome {
  /** What fits into a socket's address, without its closing NUL. */
  static final int LONGEST_SOCKET_PATH = 107;

  static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final int ID_LENGTH = 12;
  private static final Pattern ID = Pattern.compile("[a-z2-7]{" + ID_LENGTH + "}");
  private static final Set<String> NETWORK_FILE_SYSTEMS =
      Set.of("nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "afs", "ceph", "9p");
  private static final ConcurrentHashMap<Path, Boolean> PREPARED = new ConcurrentHashMap<>();

  private final Path root;

  private StateHome(Path root) {
    this.root = root;
  }

  /** The one that this process's environment says. */
  public static StateHome ofEnvironment() {
    return of(System.getenv());
  }

  /** The one that this environment says. */
  public static StateHome of(Map<String, String> env) {
    return at(Places.find(env, "BERTH_STATE_HOME", "XDG_STATE_HOME", ".local/state"));
  }

  /** One at this place. */
  public static StateHome at(Path root) {
    return new StateHome(real(root.toAbsolutePath().normalize()));
  }

  /** Without symlinks, as far as it exists: what holds a file open shows its real path. */
  private static Path real(Path path) {
    Path parent = path.getParent();
    try {
      return path.toRealPath();
    } catch (IOException e) {
      return parent == null ? path : real(parent).resolve(path.getFileName());
    }
  }

  /** Whether this text can be a sandbox's id. */
  public static boolean isId(String text) {
    return ID.matcher(text).matches();
  }

  /** Where it is. */
  public Path root() {
    return root;
  }

  /**
   * Makes the folder of a new sandbox, owned by this process.
   *
   * @param provider whose sandbox it is; empty if nothing will ever run in it
   * @throws UnsupportedRequestException if no sandbox can live at this place
   * @throws CreateException if the folder could not be made
   */
  public SandboxFolder create(String provider) {
    try {
      prepare();
      while (true) {
        String id = FreshName.of(ID_LENGTH);
        SandboxFolder folder = new SandboxFolder(this, id);
        Optional<Lease> lease = Lease.fresh(leaseFile(id), host() + "\n");
        if (lease.isPresent()) {
          folder.begin(lease.get(), provider);
          return folder;
        }
      }
    } catch (IOException e) {
      throw new CreateException(
          provider, null, "Tried to make a folder in " + root + ", but " + Reason.of(e) + ".", e);
    }
  }

  /** The folder of a sandbox that exists. */
  public Optional<SandboxFolder> find(String id) {
    return isId(id) && new File(sandboxes().toFile(), id).isDirectory()
        ? Optional.of(new SandboxFolder(this, id))
        : Optional.empty();
  }

  /** The folders of all sandboxes, half-made ones and remains too, in no order. */
  public List<SandboxFolder> list() {
    return names(sandboxes()).stream().map(id -> new SandboxFolder(this, id)).toList();
  }

  /** Looks at what stops sandboxes from living here. Makes nothing. */
  public List<Finding> examine() {
    List<Finding> findings = new ArrayList<>();
    String subject = "state folder";
    String remedy =
        "Set BERTH_STATE_HOME to a short path on a local disk, such as /tmp/berth-$USER.";
    try {
      checkLength();
      Path there = root;
      while (!Files.exists(there) && there.getParent() != null) {
        there = there.getParent();
      }
      FileStore store = Files.getFileStore(there);
      String kind = store.type();
      if (kind.startsWith("fuse") || NETWORK_FILE_SYSTEMS.contains(kind)) {
        findings.add(
            new Finding(
                subject,
                Finding.Level.WARNING,
                root + " is on " + kind + ", where locks and sockets may not work.",
                remedy));
      } else if (!Files.isWritable(there)) {
        findings.add(
            new Finding(subject, Finding.Level.FAILURE, there + " cannot be written.", remedy));
      } else {
        findings.add(new Finding(subject, Finding.Level.OK, root + " (" + kind + ")", ""));
      }
    } catch (UnsupportedRequestException e) {
      findings.add(
          new Finding(subject, Finding.Level.FAILURE, String.valueOf(e.getMessage()), remedy));
    } catch (IOException e) {
      findings.add(new Finding(subject, Finding.Level.FAILURE, root + ": " + Reason.of(e), remedy));
    }
    return findings;
  }

  Path sandboxes() {
    return root.resolve("sandboxes");
  }

  Path leases() {
    return root.resolve("leases");
  }

  File leaseFile(String id) {
    return new File(leases().toFile(), id);
  }

  /** The ids that name entries of a folder of ours. */
  static List<String> names(Path folder) {
    String[] names = folder.toFile().list();
    return names == null ? List.of() : Arrays.stream(names).filter(StateHome::isId).toList();
  }

  /** This host's name, as its kernel says it. */
  public static String host() {
    return Host.NAME;
  }

  private void prepare() throws IOException {
    if (PREPARED.containsKey(root)
        && sandboxes().toFile().isDirectory()
        && leases().toFile().isDirectory()) {
      return;
    }
    checkLength();
    Files.createDirectories(root, PRIVATE);
    OwnFolder.ensure(root);
    for (Path folder : List.of(sandboxes(), leases())) {
      Files.createDirectories(folder, PRIVATE);
      OwnFolder.ensure(folder);
      Files.setPosixFilePermissions(folder, PRIVATE.value());
    }
    PREPARED.put(root, true);
  }

  private void checkLength() {
    int length =
        new SandboxFolder(this, "a".repeat(ID_LENGTH))
            .socket()
            .toString()
            .getBytes(StandardCharsets.UTF_8)
            .length;
    if (length > LONGEST_SOCKET_PATH) {
      throw new UnsupportedRequestException(
          null,
          null,
          "Tried to keep sandboxes in "
              + root
              + ", but a socket's path there has "
              + length
              + " bytes and Linux allows "
              + LONGEST_SOCKET_PATH
              + "; set BERTH_STATE_HOME to a path at least "
              + (length - LONGEST_SOCKET_PATH)
              + " bytes shorter.",
          null);
    }
  }

  private static final class Host {
    static final String NAME = read();

    private static String read() {
      try (FileInputStream in = new FileInputStream("/proc/sys/kernel/hostname")) {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
      } catch (IOException e) {
        return "";
      }
    }
  }
}
