package dev.berth.core.process;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One output of a program, in a temporary file of mode 0600. Where no file can be made (a full
 * disk), the output is dropped and that is said in its place: cleaning up must work even then.
 */
final class Capture implements AutoCloseable {
  private static final int LONGEST_LINE = 8192;

  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private @Nullable File file;
  private final @Nullable RandomAccessFile reader;
  private final int limit;
  private final @Nullable Consumer<String> lines;
  private final String missing;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private String text = "";
  private boolean truncated;

  private Capture(
      @Nullable File file,
      @Nullable RandomAccessFile reader,
      int limit,
      @Nullable Consumer<String> lines,
      String missing) {
    this.file = file;
    this.reader = reader;
    this.limit = limit;
    this.lines = lines;
    this.missing = missing;
  }

  static Capture open(int limit, @Nullable Consumer<String> lines) {
    File file = null;
    try {
      Path folder = Path.of(System.getProperty("java.io.tmpdir", "/tmp"));
      file =
          Files.createFile(folder.resolve("berth-" + FreshName.of(16) + ".out"), PRIVATE).toFile();
      return new Capture(file, new RandomAccessFile(file, "r"), limit, lines, "");
    } catch (IOException e) {
      if (file != null) {
        delete(file);
      }
      return new Capture(
          null, null, limit, lines, "(its output could not be kept: " + Reason.of(e) + ")");
    }
  }

  ProcessBuilder.Redirect redirect() {
    return file == null ? ProcessBuilder.Redirect.DISCARD : ProcessBuilder.Redirect.appendTo(file);
  }

  /**
   * Takes the file's name away: who has it open keeps it, and no name is left behind if this
   * process is killed. To be called once the program runs.
   */
  void unlink() {
    if (file != null) {
      delete(file);
      file = null;
    }
  }

  boolean wanted() {
    return lines != null && reader != null;
  }

  /** Hands on the lines that came since the last call. */
  void poll() {
    if (lines == null || reader == null) {
      return;
    }
    byte[] buffer = new byte[8192];
    try {
      for (int n = reader.read(buffer); n > 0; n = reader.read(buffer)) {
        for (int i = 0; i < n; i++) {
          if (buffer[i] == '\n' || buffer[i] == '\r') {
            emit(lines);
          } else if (line.size() < LONGEST_LINE) {
            line.write(buffer[i]);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Tried to read a program's output, but " + e, e);
    }
  }

  /** Reads what is there; what comes later from daemons is not waited for. */
  void finish() {
    if (reader == null) {
      text = missing;
      return;
    }
    if (lines != null) {
      poll();
      emit(lines);
    }
    try {
      long length = reader.length();
      truncated = length > limit;
      if (!truncated) {
        text = part(reader, 0, (int) length);
        return;
      }
      int first = limit / 4;
      int last = limit - first;
      text =
          part(reader, 0, first)
              + "\n… ("
              + (length - limit)
              + " bytes left out) …\n"
              + part(reader, length - last, last);
    } catch (IOException e) {
      text = "(its output could not be read: " + Reason.of(e) + ")";
    }
  }

  String text() {
    return text;
  }

  boolean truncated() {
    return truncated;
  }

  @Override
  public void close() {
    try {
      if (reader != null) {
        reader.close();
      }
    } catch (IOException e) {
      // Only read from: nothing is lost.
    }
    unlink();
  }

  private void emit(Consumer<String> consumer) {
    if (line.size() > 0) {
      String whole = line.toString(StandardCharsets.UTF_8);
      line.reset();
      consumer.accept(whole);
    }
  }

  private static String part(RandomAccessFile from, long offset, int length) throws IOException {
    byte[] bytes = new byte[length];
    from.seek(offset);
    from.readFully(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static void delete(File file) {
    if (!file.delete() && file.exists()) {
      file.deleteOnExit();
    }
  }
}
