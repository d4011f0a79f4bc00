package dev.berth.fargate.images;

import dev.berth.core.process.FreshName;
import dev.berth.core.state.Lease;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * What lets one process of this host at a time look for a build of an image and start one; and a
 * note of the build that was started last, so that who waited here joins it even if it is over. The
 * two files, some bytes, stay in the cache folder.
 */
final class TagLock implements AutoCloseable {
  private static final long PAUSE_NANOS = 20_000_000;

  private final Lease lease;
  private final Path note;
  private final String before;

  private TagLock(Lease lease, Path note, String before) {
    this.lease = lease;
    this.note = note;
    this.before = before;
  }

  /** Waits for it. */
  static TagLock await(Path folder, String url, Duration atMost) throws InterruptedException {
    long start = System.nanoTime();
    String name = BuildContext.sha256(url);
    try {
      Files.createDirectories(folder);
      Path note = folder.resolve(name + ".build");
      String before = read(note);
      Path file = folder.resolve(name + ".lock");
      while (true) {
        Optional<Lease> lease = Lease.take(file.toFile());
        if (lease.isEmpty() && !Files.exists(file)) {
          lease = Lease.create(file.toFile(), "");
        }
        if (lease.isPresent()) {
          return new TagLock(lease.get(), note, before);
        }
        if (System.nanoTime() - start > atMost.toNanos()) {
          throw BuildFailures.late(atMost);
        }
        // The kernel wakes nobody who waits for a lock without blocking a thread.
        LockSupport.parkNanos(PAUSE_NANOS);
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
      }
    } catch (IOException e) {
      throw BuildFailures.refused(
          "lock the build of " + url, e + "; see to the cache folder (BERTH_CACHE_HOME).", e);
    }
  }

  /** The build that was started last on this host; empty if none is known. */
  String last() {
    return read(note);
  }

  /** Whether that one was started while this caller waited for the lock. */
  boolean waitedFor() {
    return !last().equals(before);
  }

  /** Notes what was started. */
  void started(String build) {
    Path fresh = note.resolveSibling(FreshName.of(16) + ".tmp");
    try {
      Files.writeString(fresh, build);
      Files.move(fresh, note, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      // A full disk, say: who waits finds the build by CodeBuild's list, while it runs.
      fresh.toFile().delete();
    }
  }

  private static String read(Path note) {
    try {
      return Files.readString(note).strip();
    } catch (IOException none) {
      return "";
    }
  }

  @Override
  public void close() {
    lease.close();
  }
}
