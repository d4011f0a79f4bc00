package dev.berth.core.guest;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
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

  private static volatile int last = 64;

  private Descriptors() {}

  /**
   * The path in {@code /proc/self/fd} of a file that this process has open, given what is known of
   * it. Another descriptor of the same file does as well.
   */
  static Path find(BasicFileAttributes open) throws IOException {
    Object key = open.fileKey();
    if (key != null) {
      int start = last;
      for (int i = 0; i <= NEAR; i++) {
        for (int number : new int[] {start + i, start - i}) {
          Path path = ALL.resolve(Integer.toString(number));
          if (number >= 0 && key.equals(key(path))) {
            last = number;
            return path;
          }
        }
      }
      try (Stream<Path> all = Files.list(ALL)) {
        for (Path path : (Iterable<Path>) all::iterator) {
          if (key.equals(key(path))) {
            last = Integer.parseInt(path.getFileName().toString());
            return path;
          }
        }
      }
    }
    throw new IOException("it was replaced while it was being copied");
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
