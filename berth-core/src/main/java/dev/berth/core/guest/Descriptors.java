package dev.berth.core.guest;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntPredicate;
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

  /** Positions for folders, which nobody reads through the descriptor that is given one. */
  private static final AtomicInteger POSITIONS =
      new AtomicInteger(ThreadLocalRandom.current().nextInt());

  private static final long MOST_POSITION = 0x3fffffff;

  private static volatile int last = 64;

  private Descriptors() {}

  /** A folder that is open, and the number of that descriptor, which is its alone until then. */
  record Folder(FileChannel file, int number) {
    Path path() {
      return ALL.resolve(Integer.toString(number));
    }
  }

  /**
   * Opens a folder that is open already once more, and finds the number of the new descriptor. It
   * is told from all others of the same folder, whoever opened them, by the position it is set to.
   */
  static Folder reopen(SecureDirectoryStream<Path> stream) throws IOException {
    FileChannel file =
        (FileChannel)
            stream.newByteChannel(
                Path.of("."), Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
    boolean done = false;
    try {
      long position = 1 + (POSITIONS.incrementAndGet() & MOST_POSITION);
      file.position(position);
      byte[] line = ("pos:\t" + position + "\n").getBytes(StandardCharsets.US_ASCII);
      var attributes = stream.getFileAttributeView(BasicFileAttributeView.class).readAttributes();
      int number = find(attributes, candidate -> startsWith(candidate, line));
      done = true;
      return new Folder(file, number);
    } finally {
      if (!done) {
        file.close();
      }
    }
  }

  /** The path in {@code /proc/self/fd} of a file of ours that is open just now, to use at once. */
  static Path path(BasicFileAttributes open) throws IOException {
    return ALL.resolve(Integer.toString(find(open, number -> true)));
  }

  /** The number of a descriptor of this file that is accepted. */
  private static int find(BasicFileAttributes open, IntPredicate accepted) throws IOException {
    Object key = open.fileKey();
    if (key != null) {
      int start = last;
      for (int i = 0; i <= NEAR; i++) {
        for (int number : new int[] {start + i, start - i}) {
          if (number >= 0 && key.equals(key(number)) && accepted.test(number)) {
            last = number;
            return number;
          }
        }
      }
      try (Stream<Path> all = Files.list(ALL)) {
        for (Path path : (Iterable<Path>) all::iterator) {
          int number = Integer.parseInt(path.getFileName().toString());
          if (key.equals(key(number)) && accepted.test(number)) {
            last = number;
            return number;
          }
        }
      }
    }
    throw new IOException("it was replaced while it was being copied");
  }

  private static @Nullable Object key(int number) {
    try {
      Path path = ALL.resolve(Integer.toString(number));
      return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    } catch (IOException e) {
      return null;
    }
  }

  /** Whether what the kernel tells of a descriptor begins with these bytes: its position. */
  private static boolean startsWith(int number, byte[] line) {
    // Not by Files, which reads files of /proc by their size.
    try (FileInputStream in = new FileInputStream("/proc/self/fdinfo/" + number)) {
      return Arrays.equals(in.readNBytes(line.length), line);
    } catch (IOException e) {
      return false;
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
