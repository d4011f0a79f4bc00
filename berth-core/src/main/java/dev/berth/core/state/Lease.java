package dev.berth.core.state;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A locked file that says who owns something, for as long as its holder lives: the kernel frees it
 * when the process ends, however it ends. Thread-safe.
 *
 * <p>POSIX drops a process's locks on a file as soon as that process closes <em>any</em> descriptor
 * of it. So nothing here opens a file that this JVM has locked: {@link #HELD} says which. An
 * interrupt closes a channel that reads or writes, so what is made is written as a plain file; but
 * Java opens a plain file for writing only by making it, so what exists is opened as a channel, and
 * again if it was interrupted.
 */
public final class Lease implements AutoCloseable {
  private static final int LONGEST_TEXT = 1024;

  /** Begins the names of files that are being made. */
  private static final String UNNAMED = ".new-";

  private static final ReentrantLock GATE = new ReentrantLock();

  /** The files that this JVM has locked. Guarded by GATE, as is every opening and locking. */
  private static final Set<File> HELD = new HashSet<>();

  private final File file;
  private final FileChannel opened;
  private final String text;

  private Lease(File file, FileChannel opened, String text) {
    this.file = file;
    this.opened = opened;
    this.text = text;
    HELD.add(file);
  }

  /**
   * Makes the file, which must not exist, and locks it; empty if another was quicker with either.
   * For names that nobody deletes who does not have what they stand for: see {@link #fresh}.
   */
  public static Optional<Lease> create(File file, String text) throws IOException {
    GATE.lock();
    try {
      File key = file.getAbsoluteFile();
      if (!key.createNewFile()) {
        return Optional.empty();
      }
      RandomAccessFile opened = new RandomAccessFile(key, "rw");
      boolean locked = false;
      boolean written = false;
      try {
        locked = lock(opened.getChannel(), key, false);
        if (locked) {
          opened.write(text.getBytes(StandardCharsets.UTF_8));
          written = true;
        }
      } finally {
        if (locked && !written) {
          // A full disk: held on to, not even this process's own reaper could remove it.
          key.delete();
        }
        if (!written) {
          opened.close();
        }
      }
      return written ? Optional.of(new Lease(key, opened.getChannel(), text)) : Optional.empty();
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
        if (lock(opened.getChannel(), unnamed, false)) {
          opened.write(text.getBytes(StandardCharsets.UTF_8));
          done = unnamed.renameTo(key);
        }
      } finally {
        if (!done) {
          unnamed.delete();
          opened.close();
        }
      }
      return done ? Optional.of(new Lease(key, opened.getChannel(), text)) : Optional.empty();
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
      return HELD.contains(key) ? Optional.empty() : open(key);
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
      // Shared, so that two processes that look do not see each other.
      try (FileChannel probe = FileChannel.open(key.toPath(), READ)) {
        return !lock(probe, key, true) && key.exists();
      } catch (NoSuchFileException e) {
        return false;
      }
    } finally {
      GATE.unlock();
    }
  }

  /** What its maker wrote into it. */
  public String text() {
    return text;
  }

  /** Gives it up. The file stays. Does nothing the second time. */
  @Override
  public void close() {
    GATE.lock();
    try {
      if (opened.isOpen()) {
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

  /**
   * Opens and locks what exists; makes nothing, or a name that its maker has just given up would be
   * there again, and that maker would take it for its own.
   */
  private static Optional<Lease> open(File file) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        FileChannel opened = FileChannel.open(file.toPath(), READ, WRITE);
        Lease lease = null;
        try {
          if (!lock(opened, file, false)) {
            return Optional.empty();
          }
          lease = new Lease(file, opened, read(opened));
          return Optional.of(lease);
        } catch (ClosedByInterruptException e) {
          interrupted |= Thread.interrupted();
        } finally {
          if (lease == null) {
            opened.close();
          }
        }
      }
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static String read(FileChannel opened) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(opened.size(), LONGEST_TEXT));
    while (bytes.hasRemaining() && opened.read(bytes, bytes.position()) >= 0) {}
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
  }

  /**
   * Locks what was opened if nobody has. Whoever had it may have deleted it before it was locked.
   * No name is used twice, so a file that is there is the one that is locked.
   */
  private static boolean lock(FileChannel opened, File file, boolean shared) throws IOException {
    try {
      return opened.tryLock(0, Long.MAX_VALUE, shared) != null && file.exists();
    } catch (OverlappingFileLockException e) {
      // Another class loader's Berth in this JVM has it, and loses it to other processes as soon as
      // what was opened here is closed: there is no way to close it later.
      return false;
    }
  }
}
