package dev.berth.core.image;

import dev.berth.core.process.FreshName;
import dev.berth.core.process.HostProcess;
import dev.berth.core.state.Lease;
import dev.berth.core.state.SandboxFolder;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * One image's folder in the store.
 *
 * <pre>
 * current           which version is the image, what it is; its time of change is the last use
 * v-RANDOM[.sif]    versions: the current one, and older ones that are still used
 * new-OWNER-RANDOM/ what a producer is making
 * uses/VERSION~p~RANDOM   held locked by a process
 * uses/VERSION~s~ID       a sandbox's; holds the path of its folder, and counts while that exists
 * </pre>
 *
 * All but making is done under the store's gate for this image.
 */
final class ImageEntry {
  private static final String CURRENT = "current";

  /** Whoever looks at the uses may be in the way of a new one, for a moment. */
  private static final int MOST_TRIES = 100;

  private static final int TIDY_ABOVE = 64;

  private final Path folder;

  ImageEntry(Path folder) {
    this.folder = folder;
  }

  Path folder() {
    return folder;
  }

  /** Whether it is worth while to look under the gate. */
  boolean mayExist() {
    return folder.resolve(CURRENT).toFile().exists();
  }

  String name() {
    return folder.getFileName() == null ? "" : folder.getFileName().toString();
  }

  Path path(String version) {
    return folder.resolve(version);
  }

  /** What the image is now. */
  record Current(ImageKey key, String version, long bytes, Instant created) {}

  Optional<Current> current() throws IOException {
    File file = folder.resolve(CURRENT).toFile();
    if (!file.exists()) {
      return Optional.empty();
    }
    Properties lines = new Properties();
    try (InputStreamReader in =
        new InputStreamReader(new FileInputStream(file), StandardCharsets.UTF_8)) {
      lines.load(in);
      Current current =
          new Current(
              new ImageKey(
                  lines.getProperty("reference", ""),
                  ImageKind.valueOf(lines.getProperty("kind", "")),
                  lines.getProperty("architecture", "")),
              lines.getProperty("version", ""),
              Long.parseLong(lines.getProperty("bytes", "")),
              Instant.parse(lines.getProperty("created", "")));
      return Files.exists(path(current.version())) && current.version().startsWith("v-")
          ? Optional.of(current)
          : Optional.empty();
    } catch (RuntimeException e) {
      // Half written on a full disk, or by hand: as if it were not there.
      return Optional.empty();
    }
  }

  Instant lastUsed() {
    return Instant.ofEpochMilli(folder.resolve(CURRENT).toFile().lastModified());
  }

  /** Begins a use of a version. */
  ImageUse use(String version) throws IOException {
    Path uses = Files.createDirectories(folder.resolve("uses"));
    String[] known = uses.toFile().list();
    if (known != null && known.length > TIDY_ABOVE) {
      users("");
    }
    File current = folder.resolve(CURRENT).toFile();
    if (!current.setLastModified(System.currentTimeMillis())) {
      throw new IOException(current + " cannot be touched");
    }
    for (int tries = 0; tries < MOST_TRIES; tries++) {
      Optional<Lease> lease =
          Lease.fresh(uses.resolve(version + "~p~" + FreshName.of(16)).toFile(), "");
      if (lease.isPresent()) {
        return new ImageUse(this, version, lease.get());
      }
    }
    throw new IOException("no file in " + uses + " could be locked");
  }

  void keepFor(String version, SandboxFolder sandbox) throws IOException {
    try (FileOutputStream out =
        new FileOutputStream(
            folder.resolve("uses").resolve(version + "~s~" + sandbox.id()).toFile())) {
      out.write(sandbox.path().toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  /**
   * Who uses a version, or any with an empty name: {@code a process} or {@code sandbox ID}. Deletes
   * the files of those that are gone.
   */
  List<String> users(String version) throws IOException {
    List<String> users = new ArrayList<>();
    String[] names = folder.resolve("uses").toFile().list();
    for (String name : names == null ? new String[0] : names) {
      int end = name.indexOf('~');
      if (end < 0 || !(version.isEmpty() || name.substring(0, end).equals(version))) {
        continue;
      }
      File file = folder.resolve("uses").resolve(name).toFile();
      if (name.startsWith("~s~", end)) {
        if (sandboxExists(file)) {
          users.add("sandbox " + name.substring(end + 3));
        } else {
          Files.deleteIfExists(file.toPath());
        }
      } else if (Lease.held(file)) {
        users.add("a process");
      } else {
        Lease.take(file).ifPresent(Lease::delete);
      }
    }
    return users;
  }

  /**
   * A path for a producer of this process to make the image at, in a folder of its own: what else
   * the producer's programs put there goes with it.
   */
  Path fresh(ImageKind kind) throws IOException {
    return Files.createDirectories(folder.resolve("new-" + owner() + "-" + FreshName.of(16)))
        .resolve("image" + suffix(kind));
  }

  /** Makes what was produced the image. */
  Current publish(ImageKey key, Path made) throws IOException {
    Current current =
        new Current(key, "v-" + FreshName.of(16) + suffix(key.kind()), size(made), Instant.now());
    Files.move(made, path(current.version()), StandardCopyOption.ATOMIC_MOVE);
    Properties lines = new Properties();
    lines.setProperty("reference", key.reference());
    lines.setProperty("kind", key.kind().name());
    lines.setProperty("architecture", key.architecture());
    lines.setProperty("version", current.version());
    lines.setProperty("bytes", Long.toString(current.bytes()));
    lines.setProperty("created", current.created().toString());
    File next = folder.resolve(CURRENT + ".new").toFile();
    try (Writer out = new OutputStreamWriter(new FileOutputStream(next), StandardCharsets.UTF_8)) {
      lines.store(out, null);
    }
    Files.move(next.toPath(), folder.resolve(CURRENT), StandardCopyOption.ATOMIC_MOVE);
    return current;
  }

  /** The image is no more, as far as those are concerned who come from now on. */
  void forget() throws IOException {
    Files.deleteIfExists(folder.resolve(CURRENT));
  }

  /** Versions that are neither current nor used, and what dead producers left. */
  List<Path> garbage() throws IOException {
    String kept = current().map(Current::version).orElse("");
    List<Path> garbage = new ArrayList<>();
    String[] names = folder.toFile().list();
    for (String name : names == null ? new String[0] : names) {
      boolean old = name.startsWith("v-") && !name.equals(kept) && users(name).isEmpty();
      if (old || (name.startsWith("new-") && producerIsGone(name))) {
        garbage.add(folder.resolve(name));
      }
    }
    return garbage;
  }

  /** Whether a path of the garbage is what a producer had not finished. */
  static boolean unfinished(Path leftover) {
    return leftover.getFileName().toString().startsWith("new-");
  }

  /** Deletes the folder if nothing is in it any more. */
  void deleteIfEmpty() {
    if (!folder.resolve(CURRENT).toFile().exists()) {
      folder.resolve("uses").toFile().delete();
      folder.toFile().delete();
    }
  }

  private static boolean sandboxExists(File use) throws IOException {
    try (FileInputStream in = new FileInputStream(use)) {
      String path = new String(in.readNBytes(4096), StandardCharsets.UTF_8);
      return path.isEmpty() || Files.isDirectory(Path.of(path), LinkOption.NOFOLLOW_LINKS);
    }
  }

  /** {@code HOST-PID-START}: who makes it, so that nobody else takes it for a leftover. */
  private static String owner() {
    HostProcess self = HostProcess.of(ProcessHandle.current().pid()).orElseThrow();
    return ImageStore.hostTag() + "-" + self.pid() + "-" + self.start();
  }

  private static boolean producerIsGone(String name) {
    List<String> parts = List.of(name.split("-", 5));
    if (parts.size() < 5 || !parts.get(1).equals(ImageStore.hostTag())) {
      return false;
    }
    return !new HostProcess(Long.parseLong(parts.get(2)), Long.parseLong(parts.get(3))).alive();
  }

  private static String suffix(ImageKind kind) {
    return kind == ImageKind.SIF ? ".sif" : "";
  }

  private static long size(Path tree) throws IOException {
    long[] bytes = {0};
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<Path>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            bytes[0] += attributes.size();
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) {
            // A folder that its own modes close to us; the size is for people.
            return FileVisitResult.CONTINUE;
          }
        });
    return bytes[0];
  }
}
