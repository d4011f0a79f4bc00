package dev.berth.apptainer;

import dev.berth.core.image.PullPolicy;
import dev.berth.core.launch.LaunchedSandboxes;
import dev.berth.core.process.HostCommand;
import dev.berth.core.process.HostResult;
import dev.berth.core.state.CacheHome;
import dev.berth.core.state.FolderRemoval;
import dev.berth.core.state.StateHome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.stream.Stream;

/**
 * A state home of its own on which JVMs may crash, those JVMs, and a view of all that they left.
 * The name of its folder is on no command line but where something belongs to it. Closing it kills
 * the JVMs, reaps, and deletes the folder.
 */
final class CrashRig implements AutoCloseable {
  /** The lease of the sandboxes made here. */
  static final Duration LEASE = Duration.ofSeconds(2);

  private final Path root;
  private final StateHome state;
  private final CacheHome cache;
  private final ConcurrentLinkedQueue<CrashJvm> children = new ConcurrentLinkedQueue<>();

  private CrashRig(Path root) {
    this.root = root;
    this.state = StateHome.at(root.resolve("state"));
    this.cache = new CacheHome(root.resolve("cache"));
  }

  static CrashRig open() throws IOException {
    CrashRig rig = new CrashRig(Files.createTempDirectory("bc"));
    Files.createDirectory(rig.temp());
    return rig;
  }

  Path root() {
    return root;
  }

  StateHome state() {
    return state;
  }

  Path temp() {
    return root.resolve("tmp");
  }

  /** Another JVM that does what {@link CrashChild} knows by this verb. */
  CrashJvm start(String... words) throws IOException {
    return start(List.of(), words);
  }

  /** The same, below another program. */
  CrashJvm start(List<String> prefix, String... words) throws IOException {
    CrashJvm child = CrashJvm.start(this, prefix, words);
    children.add(child);
    return child;
  }

  /** What the provider does on this host, on this state home. */
  LaunchedSandboxes sandboxes() {
    return new LaunchedSandboxes(ApptainerProvider.NAME, state, cache, new Semaphore(4));
  }

  /** Processes and mounts that belong to sandboxes of this rig: a line for each. */
  List<String> running() {
    return running(state.root().toString());
  }

  /** What is stored: paths below the state home, but for the two folders that stay. */
  List<String> stored() throws IOException {
    List<String> found = new ArrayList<>();
    for (String name : List.of("sandboxes", "leases")) {
      Path folder = state.root().resolve(name);
      if (Files.isDirectory(folder)) {
        try (Stream<Path> entries = Files.list(folder)) {
          entries.map(entry -> name + "/" + entry.getFileName()).forEach(found::add);
        }
      }
    }
    try (Stream<Path> entries =
        Files.exists(state.root()) ? Files.list(state.root()) : Stream.of()) {
      entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> !name.equals("sandboxes") && !name.equals("leases"))
          .forEach(found::add);
    }
    return found;
  }

  /** How many temporary files there are. */
  long temporary() throws IOException {
    try (Stream<Path> entries = Files.list(temp())) {
      return entries.filter(entry -> entry.getFileName().toString().startsWith("berth-")).count();
    }
  }

  /**
   * The processes that have this text on their command line, in the first ten of their open files,
   * in their working directory or in their mounts; and this process's own mounts that have it.
   */
  static List<String> running(String text) {
    List<String> found = new ArrayList<>();
    long self = ProcessHandle.current().pid();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (process.getFileName().toString().equals(Long.toString(self))) {
          continue;
        }
        String line = read(process.resolve("cmdline")).replace('\0', ' ').strip();
        if (line.isEmpty() || line.contains(CrashChild.class.getName())) {
          continue;
        }
        if (line.contains(text)
            || holds(process, text)
            || read(process.resolve("mountinfo")).contains(text)) {
          found.add("process " + process.getFileName() + ": " + line);
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    read(Path.of("/proc/self/mountinfo"))
        .lines()
        .filter(mount -> mount.contains(text))
        .forEach(mount -> found.add("mount " + mount));
    return found;
  }

  private static boolean holds(Path process, String text) {
    for (String name :
        List.of(
            "cwd", "fd/0", "fd/1", "fd/2", "fd/3", "fd/4", "fd/5", "fd/6", "fd/7", "fd/8",
            "fd/9")) {
      try {
        if (Files.readSymbolicLink(process.resolve(name)).toString().contains(text)) {
          return true;
        }
      } catch (IOException e) {
        // Not open, or not ours to see.
      }
    }
    return false;
  }

  static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException gone) {
      return "";
    }
  }

  /**
   * The default configuration in this mode, with this lease, that mounts .sif files where that is
   * possible.
   */
  static ApptainerConfig config(String mode, Duration lease) {
    ApptainerConfig defaults = ApptainerConfig.defaults();
    ApptainerConfig.Images images =
        new ApptainerConfig.Images(
            PullPolicy.NEVER, ApptainerConfig.Format.SIF, Map.of(), null, false);
    return defaults
        .with(defaults.create().withMode(ApptainerConfig.Mode.valueOf(mode)).withLease(lease))
        .with(images);
  }

  /** Whether a file is mounted by FUSE here; else it is unpacked, and a folder like any other. */
  static boolean mountable() {
    Path fuse = Path.of("/dev/fuse");
    return Files.isReadable(fuse) && Files.isWritable(fuse);
  }

  /** A small image with a shell in one file, made from the test image once in each JVM. */
  static Path sif() {
    return Sif.FILE;
  }

  @Override
  public void close() throws IOException, InterruptedException {
    for (CrashJvm child : children) {
      child.kill();
    }
    try (LaunchedSandboxes sandboxes = sandboxes()) {
      // What still lives ends by its lease; by then a failed test has said so.
      for (int i = 0; i < 50 && !stored().isEmpty(); i++) {
        sandboxes.reap();
        Thread.sleep(i * 10L);
      }
    }
    FolderRemoval.with(CacheHome.ofEnvironment()).remove(root);
  }

  private static final class Sif {
    static final Path FILE = make();

    private static Path make() {
      try {
        Path folder = Files.createTempDirectory("berth-sif");
        Path image = folder.resolve("image");
        Path file = folder.resolve("image.sif");
        // A shell line, because it keeps the links of merged-usr systems.
        String copy =
            "mkdir -p $2/usr/bin $2/usr/lib $2/tmp $2/proc $2/sys $2/dev $2/etc $2/home $2/var/tmp && cp $1/etc/passwd $1/etc/group $2/etc/"
                + " && ln -s usr/bin $2/bin && ln -s usr/lib $2/lib && ln -s usr/lib64 $2/lib64 && for p in sh cat sleep true mkdir rm head dd setsid ls chmod; do cp $1/usr/bin/$p $2/usr/bin/; done"
                + " && cp -a $1/usr/lib64 $2/usr/ && for l in $(cd $1 && echo usr/lib/*-linux-gnu*); do mkdir -p $2/$l && cp -a $1/$l/ld-* $1/$l/libc.so* $1/$l/libselinux* $1/$l/libpcre2-8* $1/$l/libacl* $1/$l/libattr* $1/$l/libcap* $1/$l/libgmp* $1/$l/libcrypto* $2/$l/ 2>/dev/null; done; true";
        run(
            HostCommand.of(
                "/bin/sh", "-ec", copy, "sh", TestImage.folder().toString(), image.toString()));
        run(
            ApptainerBinary.find(null)
                .command(List.of("build", file.toString(), image.toString()))
                .withTimeout(Duration.ofMinutes(5)));
        FolderRemoval.with(CacheHome.ofEnvironment()).remove(image);
        folder.toFile().deleteOnExit();
        file.toFile().deleteOnExit();
        return file;
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    private static void run(HostCommand command) throws InterruptedException {
      HostResult result = command.run();
      if (!result.ok()) {
        throw new IllegalStateException(result.description());
      }
    }
  }
}
