package dev.berth.core.guest;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the JDK does not tell of its open files: their number, and an end to an open that hangs. */
final class Descriptors {
  private static final Path ALL = Path.of("/proc/self/fd");
  private static final int NEAR = 8;
  private static final long OPEN_SECONDS = 5;

  /** Platform threads: an open that hangs would hold up a carrier of virtual ones. */
  private static final ExecutorService OPENERS =
      Executors.newCachedThreadPool(Thread.ofPlatform().daemon().name("berth-open").factory());

  /**
   * The numbers that somebody holds: another's descriptor of the same file can close at any time.
   */
  private static final Set<Integer> HELD = ConcurrentHashMap.newKeySet();

  /** Held while a file is opened and its number found, so that only one unheld number fits. */
  private static final ReentrantLock OPENING = new ReentrantLock();

  private static volatile int last = 64;

  private Descriptors() {}

  /** Opens something. */
  interface Opening<T> {
    T open() throws IOException;
  }

  /** The number of an open file; nobody else gets it until it is let go. */
  record Held<T>(T file, int number) {
    Path path() {
      return ALL.resolve(Integer.toString(number));
    }
  }

  /** Opens a folder and holds its descriptor. */
  static Held<SecureDirectoryStream<Path>> hold(Opening<SecureDirectoryStream<Path>> opening)
      throws IOException {
    OPENING.lock();
    try {
      SecureDirectoryStream<Path> stream = opening.open();
      boolean done = false;
      try {
        var attributes = stream.getFileAttributeView(BasicFileAttributeView.class).readAttributes();
        int number = find(attributes);
        HELD.add(number);
        done = true;
        return new Held<>(stream, number);
      } finally {
        if (!done) {
          stream.close();
        }
      }
    } finally {
      OPENING.unlock();
    }
  }

  /** Closes it and lets its number go, which is free for others only then. */
  static void letGo(Held<SecureDirectoryStream<Path>> held) throws IOException {
    OPENING.lock();
    try {
      held.file().close();
    } finally {
      HELD.remove(held.number());
      OPENING.unlock();
    }
  }

  /** The path in {@code /proc/self/fd} of a file that is open just now, for use at once. */
  static Path path(BasicFileAttributes open) throws IOException {
    // A number that letGo() has closed may be this file's already, before it stops being held.
    OPENING.lock();
    try {
      return ALL.resolve(Integer.toString(find(open)));
    } finally {
      OPENING.unlock();
    }
  }

  /** The number of a descriptor of this file that nobody holds. */
  private static int find(BasicFileAttributes open) throws IOException {
    Object key = open.fileKey();
    if (key != null) {
      int start = last;
      for (int i = 0; i <= NEAR; i++) {
        for (int number : new int[] {start + i, start - i}) {
          if (number >= 0 && fits(number, key)) {
            last = number;
            return number;
          }
        }
      }
      try (Stream<Path> all = Files.list(ALL)) {
        for (Path path : (Iterable<Path>) all::iterator) {
          int number = Integer.parseInt(path.getFileName().toString());
          if (fits(number, key)) {
            last = number;
            return number;
          }
        }
      }
    }
    throw new IOException("it was replaced while it was being copied");
  }

  private static boolean fits(int number, Object key) {
    return !HELD.contains(number) && key.equals(key(ALL.resolve(Integer.toString(number))));
  }

  private static @Nullable Object key(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    } catch (IOException e) {
      return null;
    }
  }

  /** Opens a file, and gives up after 5 s. */
  static FileChannel openBounded(Callable<FileChannel> open)
      throws IOException, InterruptedException {
    AtomicBoolean settled = new AtomicBoolean();
    Future<FileChannel> opening =
        OPENERS.submit(() -> {
          FileChannel file = open.call();
          if (!settled.compareAndSet(false, true)) {
            file.close();
          }
          return file;
        });
    try {
      return opening.get(OPEN_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    } catch (TimeoutException | InterruptedException e) {
      if (!settled.compareAndSet(false, true)) {
        // It came after all, just now: nobody else will close it.
        OPENERS.execute(() -> closeLate(opening));
      }
      if (e instanceof InterruptedException interrupted) {
        throw interrupted;
      }
      throw new InterruptedIOException("it could not be opened within " + OPEN_SECONDS + " s");
    }
  }

  private static void closeLate(Future<FileChannel> opening) {
    try {
      opening.get().close();
    } catch (IOException | ExecutionException | InterruptedException e) {
      // Then there is nothing to close.
    }
  }
}
