package dev.berth.core.state;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A locked file that says who owns something, for as long as its holder lives: the kernel frees it
 * when the process ends, however it ends. Thread-safe.
 *
 * <p>POSIX drops a process's locks on a file as soon as that process closes <em>any</em> descriptor
 * of it. So nothing here opens a file that this JVM has locked: {@link #HELD} says which. And the
 * files are read and written as plain streams, because an interrupt closes a channel in use.
 */
public final class Lease implements AutoCloseable {
  private static final int LONGEST_TEXT = 1024;

  /** Begins the names of files that are being made. */
  private static final String UNNAMED = ".new-";

  private static final ReentrantLock GATE = new ReentrantLock();

  /** The files that this JVM has locked. Guarded by GATE, as is every opening and locking. */
  private static final Set<File> HELD = new HashSet<>();

  private final File file;
  private final RandomAccessFile opened;

  private Lease(File file, RandomAccessFile opened) {
    this.file = file;
    this.opened = opened;
  }

  /**
   * Makes the file, which must not exist, and locks it; empty if another was quicker with either.
   */
  public static Optional<Lease> create(File file, String text) throws IOException {
    GATE.lock();
    try {
      File key = file.getAbsoluteFile();
      if (!key.createNewFile()) {
        return Optional.empty();
      }
      Optional<Lease> lease = lock(key, "rw");
      boolean written = lease.isEmpty();
      try {
        if (lease.isPresent()) {
          lease.get().opened.write(text.getBytes(StandardCharsets.UTF_8));
          written = true;
        }
      } finally {
        if (!written) {
          // A full disk: held on to, not even this process's own reaper could remove it.
          lease.get().delete();
        }
      }
      return lease;
    } finally {
      GATE.unlock();
    }
  }

  /**
   * Makes and locks a file of a name that nobody else makes, ever; empty if somebody looked at it
   * in that moment: take another name. It has its name only when it is locked and written. Else one
   * process could delete it before it is locked, whereupon it would be made again, and a second one
   * that had opened the first would hold what it takes for this one.
   */
  public static Optional<Lease> fresh(File file, String text) throws IOException {
    GATE.lock();
    try {
      File key = file.getAbsoluteFile();
      File unnamed = new File(key.getParentFile(), UNNAMED + key.getName());
      RandomAccessFile opened = new RandomAccessFile(unnamed, "rw");
      boolean done = false;
      try {
        if (opened.getChannel().tryLock() != null) {
          opened.write(text.getBytes(StandardCharsets.UTF_8));
          done = unnamed.renameTo(key);
        }
      } finally {
        if (!done) {
          unnamed.delete();
          opened.close();
        }
      }
      if (!done) {
        return Optional.empty();
      }
      HELD.add(key);
      return Optional.of(new Lease(key, opened));
    } finally {
      GATE.unlock();
    }
  }

  /** Deletes what makers that were killed left in this folder without a name. */
  static void sweep(File folder) throws IOException {
    String[] left = folder.list((in, name) -> name.startsWith(UNNAMED));
    for (String name : left == null ? new String[0] : left) {
      take(new File(folder, name)).ifPresent(Lease::delete);
    }
  }

  /** Locks the file if it exists and nobody, this JVM included, holds it. */
  public static Optional<Lease> take(File file) throws IOException {
    GATE.lock();
    try {
      File key = file.getAbsoluteFile();
      return HELD.contains(key) || !key.exists() ? Optional.empty() : lock(key, "rw");
    } finally {
      GATE.unlock();
    }
  }

  /** Whether anybody, this JVM included, holds it. */
  public static boolean held(File file) throws IOException {
    GATE.lock();
    try {
      File key = file.getAbsoluteFile();
      if (HELD.contains(key)) {
        return true;
      }
      if (!key.exists()) {
        return false;
      }
      // Shared, so that two processes that look do not see each other.
      Optional<Lease> probe = lock(key, "r");
      probe.ifPresent(Lease::close);
      return probe.isEmpty() && key.exists();
    } finally {
      GATE.unlock();
    }
  }

  /** What its maker wrote into it, read through the locked descriptor. */
  public String text() throws IOException {
    byte[] bytes = new byte[(int) Math.min(opened.length(), LONGEST_TEXT)];
    opened.seek(0);
    opened.readFully(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Gives it up. The file stays. Does nothing the second time. */
  @Override
  public void close() {
    GATE.lock();
    try {
      if (opened.getChannel().isOpen()) {
        opened.close();
        HELD.remove(file);
      }
    } catch (IOException e) {
      // The descriptor is gone in any case, and the lock with it.
      HELD.remove(file);
    } finally {
      GATE.unlock();
    }
  }

  /** Deletes the file and gives it up: nobody can lock it in between. */
  public boolean delete() {
    boolean gone = file.delete() || !file.exists();
    close();
    return gone;
  }

  private static Optional<Lease> lock(File file, String mode) throws IOException {
    RandomAccessFile opened;
    try {
      opened = new RandomAccessFile(file, mode);
    } catch (FileNotFoundException e) {
      if (file.exists()) {
        throw e;
      }
      return Optional.empty();
    }
    boolean locked = false;
    try {
      // Whoever had it may have deleted it before it was locked. No name is used twice, so a file
      // that is there is the one that is locked.
      locked =
          opened.getChannel().tryLock(0, Long.MAX_VALUE, mode.equals("r")) != null && file.exists();
    } catch (OverlappingFileLockException e) {
      // Another class loader's Berth in this JVM has it.
      locked = false;
    } finally {
      if (!locked) {
        opened.close();
      }
    }
    if (!locked) {
      return Optional.empty();
    }
    HELD.add(file);
    return Optional.of(new Lease(file, opened));
  }
}
