package dev.berth.services.eval;

import dev.berth.RequestException;
import dev.berth.core.process.Reason;
import dev.berth.core.state.Lease;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The folder that an evaluation writes: {@code results.jsonl}, a line for each instance that ended;
 * {@code logs/}, a file for each; {@code report.html}. One run at a time has it, and what an
 * earlier one has left there counts, however that ended. Thread-safe. Whoever opens it closes it.
 *
 * <p>A line is appended whole, or taken back where the disk has no room for it; the part of a line
 * that a kill has left is taken away at the next opening.
 */
public final class EvalFolder implements AutoCloseable {
  private static final int LONGEST_LINE = 1 << 20;

  private final Path folder;
  private final Lease lease;
  private final RandomAccessFile lines;
  private final ReentrantLock lock = new ReentrantLock();

  /** The latest of each instance, in the order of the first. Guarded by the lock. */
  private final Map<String, Result> results = new LinkedHashMap<>();

  private EvalFolder(Path folder, Lease lease) throws IOException {
    this.folder = folder;
    this.lease = lease;
    this.lines = new RandomAccessFile(resultsFile().toFile(), "rw");
  }

  /**
   * Makes the folder, or takes it as an earlier run has left it.
   *
   * @param resume whether the earlier results count; else they and their logs are deleted
   * @throws RequestException if another run has it, or its results cannot be understood
   * @throws IOException if it cannot be written
   */
  public static EvalFolder open(Path folder, boolean resume) throws IOException {
    File file = folder.resolve("lock").toFile();
    boolean made;
    Optional<Lease> taken;
    try {
      Files.createDirectories(folder.resolve("logs"));
      made = file.createNewFile();
      taken = Lease.take(file);
    } catch (IOException e) {
      throw new IOException(
          "Tried to make the folder "
              + folder
              + " for results, but "
              + Reason.of(e)
              + "; name another with --output.",
          e);
    }
    Lease lease =
        taken.orElseThrow(() ->
            new RequestException(
                "Tried to write to "
                    + folder
                    + ", but another evaluation does just now; wait for its end, or name"
                    + " another folder."));
    @Nullable EvalFolder opened = null;
    try {
      if (!resume && !made) {
        clear(folder);
      }
      if (!resume
          && made
          && Files.exists(folder.resolve("results.jsonl"), LinkOption.NOFOLLOW_LINKS)) {
        throw new RequestException(
            "Tried to begin anew in "
                + folder
                + ", but there is a results.jsonl that no evaluation has made; name another"
                + " folder.");
      }
      opened = new EvalFolder(folder, lease);
      opened.readBack();
      return opened;
    } catch (IOException | RuntimeException e) {
      if (made) {
        // With it, the next run would take what is there for its own and delete it.
        Files.deleteIfExists(file.toPath());
      }
      if (opened == null) {
        lease.close();
      } else {
        opened.close();
      }
      throw e;
    }
  }

  private static void clear(Path folder) throws IOException {
    Files.deleteIfExists(folder.resolve("results.jsonl"));
    Files.deleteIfExists(folder.resolve("report.html"));
    try (DirectoryStream<Path> logs = Files.newDirectoryStream(folder.resolve("logs"), "*.log")) {
      for (Path log : logs) {
        Files.delete(log);
      }
    }
  }

  /** What an earlier run, or this one, says of this task, unless its row has changed since. */
  public Optional<Result> result(Task task) {
    lock.lock();
    try {
      return Optional.ofNullable(results.get(task.id()))
          .filter(result -> result.digest().equals(task.digest()));
    } finally {
      lock.unlock();
    }
  }

  /** Keeps a result. */
  void append(Result result) throws IOException {
    byte[] line = (ResultLine.write(result) + "\n").getBytes(StandardCharsets.UTF_8);
    lock.lock();
    try {
      long end = lines.length();
      try {
        lines.seek(end);
        lines.write(line);
      } catch (IOException e) {
        lines.setLength(end);
        throw new IOException(
            "Tried to write the result of '"
                + result.id()
                + "' to "
                + resultsFile()
                + ", but "
                + e.getMessage()
                + "; make room and run it again: it goes on where it was.",
            e);
      }
      results.put(result.id(), result);
    } finally {
      lock.unlock();
    }
  }

  /** Begins an instance's log, or goes on with it. */
  InstanceLog log(Task task, boolean more) throws IOException {
    return new InstanceLog(logFile(task.id()), more);
  }

  /** The end of an instance's log, as text without control characters but newlines and tabs. */
  public String tail(String id, int bytes) throws IOException {
    Path file = logFile(id);
    if (!Files.exists(file)) {
      return "";
    }
    try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "r")) {
      long skipped = Math.max(0, log.length() - bytes);
      byte[] end = new byte[(int) (log.length() - skipped)];
      log.seek(skipped);
      log.readFully(end);
      StringBuilder text = new StringBuilder(new String(end, StandardCharsets.UTF_8));
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        if (Character.isISOControl(c) && c != '\n' && c != '\t') {
          text.setCharAt(i, c == '\r' ? ' ' : '?');
        }
      }
      return (skipped > 0 ? "…" : "") + text;
    }
  }

  /** The file with a line of JSON for each result; of an instance's lines the last one counts. */
  public Path resultsFile() {
    return folder.resolve("results.jsonl");
  }

  /** An instance's log. */
  public Path logFile(String id) {
    return folder.resolve("logs").resolve(LogName.of(id) + ".log");
  }

  /**
   * Writes the page about these tasks, as far as they have results.
   *
   * @return the file
   */
  public Path writeReport(String title, List<Task> tasks) throws IOException {
    Path file = folder.resolve("report.html");
    List<Result> shown = new ArrayList<>();
    tasks.forEach(task -> result(task).ifPresent(shown::add));
    HtmlReport.write(file, title, shown, this);
    return file;
  }

  @Override
  public void close() {
    try {
      lines.close();
    } catch (IOException e) {
      // Each line was written when it was appended; there is nothing left that could fail.
    } finally {
      lease.close();
    }
  }

  /** Reads what is there, and takes away what is no whole line at its end. */
  private void readBack() throws IOException {
    byte[] buffer = new byte[1 << 16];
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    long number = 1;
    long whole = 0;
    long at = 0;
    for (int count = lines.read(buffer); count >= 0; count = lines.read(buffer)) {
      int from = 0;
      for (int i = 0; i < count; i++) {
        if (buffer[i] == '\n') {
          line.write(buffer, from, i - from);
          keep(line.toString(StandardCharsets.UTF_8), number++);
          line.reset();
          from = i + 1;
          whole = at + from;
        }
      }
      line.write(buffer, from, count - from);
      at += count;
      if (line.size() > LONGEST_LINE) {
        throw notUnderstood(number);
      }
    }
    if (whole < at) {
      lines.setLength(whole);
    }
  }

  private void keep(String line, long number) {
    Result result = ResultLine.read(line).orElseThrow(() -> notUnderstood(number));
    results.put(result.id(), result);
  }

  private RequestException notUnderstood(long line) {
    return new RequestException(
        "Tried to go on with "
            + resultsFile()
            + ", but its line "
            + line
            + " is no result; repair or remove it, name another folder, or begin anew with"
            + " --no-resume.");
  }
}
