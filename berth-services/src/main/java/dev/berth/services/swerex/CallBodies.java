package dev.berth.services.swerex;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The JSON bodies of calls. Small ones are held in memory; others wait on disk, in files without a
 * name, until there is room to read them: those that have been read and whose calls still run have
 * {@value #ROOM} bytes together, or are a single one. Reading one takes four times its size for a
 * moment. Thread-safe.
 */
final class CallBodies {
  /** The largest body, in bytes: a text of the longest kind may be written with escapes. */
  private static final int MOST_BYTES = 64 << 20;

  private static final int ROOM = 32 << 20;

  private static final int SMALL = 64 << 10;
  private static final int MOST_FILES = 32;
  private static final int MOST_DEPTH = 50;
  private static final int MOST_TOKENS = 200_000;

  /** No runtime takes a longer text, neither as a file nor as a command. */
  private static final int LONGEST_TEXT = Runtime.MAX_FILE;

  private static final int REFUSED = 422;
  private static final int TOO_LARGE = 413;
  private static final int BUSY = 503;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MOST_DEPTH)
                          .maxDocumentLength(MOST_BYTES)
                          .maxTokenCount(MOST_TOKENS)
                          .maxStringLength(LONGEST_TEXT)
                          .maxNumberLength(400)
                          .maxNameLength(10_000)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final Duration patience;
  private final Semaphore files = new Semaphore(MOST_FILES);
  private final Semaphore kibibytes = new Semaphore(ROOM >> 10, true);

  /** {@code patience} is how long a body may wait for room. */
  CallBodies(Duration patience) {
    this.patience = patience;
  }

  /** One that has come. Closing it gives its room back. Not thread-safe. */
  final class Body implements AutoCloseable {
    private final byte[] start;
    private final @Nullable FileChannel rest;
    private int held;

    private Body(byte[] start, @Nullable FileChannel rest) {
      this.start = start;
      this.rest = rest;
    }

    /** What it says: an object. */
    JsonNode tree() throws InterruptedException, IOException, RuntimeServer.Refused {
      FileChannel from = rest;
      if (from != null) {
        int wanted = (int) Math.min(from.size(), ROOM) >> 10;
        if (!kibibytes.tryAcquire(wanted, patience.toMillis(), TimeUnit.MILLISECONDS)) {
          throw new RuntimeServer.Refused(BUSY, "Too many large calls run; try again.");
        }
        held += wanted;
        from.position(0);
      }
      try (InputStream in =
          from == null ? new ByteArrayInputStream(start) : Channels.newInputStream(from)) {
        JsonNode tree = JSON.readTree(in);
        if (tree != null && tree.isObject()) {
          return tree;
        }
      } catch (StreamConstraintsException e) {
        throw new RuntimeServer.Refused(
            TOO_LARGE,
            "The body is beyond the bounds: texts of 16 MiB, a depth of 50, 200,000 tokens. Upload"
                + " what is larger.");
      } catch (JacksonException e) {
        throw new RuntimeServer.Refused(REFUSED, "The body is no JSON.");
      }
      throw new RuntimeServer.Refused(REFUSED, "The body must be an object.");
    }

    @Override
    public void close() throws IOException {
      kibibytes.release(held);
      held = 0;
      if (rest != null) {
        files.release();
        rest.close();
      }
    }
  }

  /** Takes one from a caller. */
  Body receive(InputStream in) throws IOException, InterruptedException, RuntimeServer.Refused {
    byte[] start = in.readNBytes(SMALL);
    if (start.length < SMALL) {
      return new Body(start, null);
    }
    if (!files.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new RuntimeServer.Refused(BUSY, "Too many large calls come; try again.");
    }
    FileChannel file = null;
    boolean done = false;
    try {
      file = nameless();
      var to = Channels.newOutputStream(file);
      to.write(start);
      byte[] buffer = new byte[SMALL];
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        if (file.position() + count > MOST_BYTES) {
          throw new RuntimeServer.Refused(
              TOO_LARGE, "The body has more than " + MOST_BYTES + " bytes.");
        }
        to.write(buffer, 0, count);
      }
      done = true;
      return new Body(new byte[0], file);
    } finally {
      if (!done) {
        files.release();
        if (file != null) {
          file.close();
        }
      }
    }
  }

  /** A file of this user's alone that is gone with this process, however that ends. */
  private static FileChannel nameless() throws IOException {
    Path path = Files.createTempFile("berth-call-", "");
    try {
      return FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } finally {
      Files.delete(path);
    }
  }
}
