package dev.berth.core.guest;

import dev.berth.Transfer;
import java.nio.charset.StandardCharsets;
import java.nio.file.attribute.FileTime;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * What both directions of a tree stream share: its bounds, and the count of what went through. Not
 * thread-safe.
 */
final class TreeStream {
  static final int MOST_DEPTH = 256;
  static final int UNREADABLE = 4;

  private static final int MOST_SHOWN = 1000;
  private static final int MOST_NAMED = 1000;

  private final List<String> at = new ArrayList<>();
  private final List<String> skipped = new ArrayList<>();
  private final List<String> failed = new ArrayList<>();
  private long files;
  private long folders;
  private long links;
  private long bytes;

  /** Something in the tree that could not be copied, and why; the message is for people. */
  static final class EntryException extends java.io.IOException {
    private static final long serialVersionUID = 1L;

    EntryException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  void file(long size) {
    files++;
    bytes += size;
  }

  void enter(String name) {
    folders++;
    at.add(name);
  }

  void leave() {
    at.remove(at.size() - 1);
  }

  int depth() {
    return at.size();
  }

  void link() {
    links++;
  }

  /** Notes an entry that is left out because of what it is. */
  void skip(String name) {
    if (skipped.size() < MOST_NAMED) {
      skipped.add(path(name));
    }
  }

  /** Notes an entry that should have been copied and was not. */
  void fail(String name, String why) {
    if (failed.size() < MOST_NAMED) {
      failed.add("'" + path(name) + "' " + why);
    }
  }

  List<String> failures() {
    return failed;
  }

  /**
   * An entry's path below the root, shortened in front if it is very long; the root itself by its
   * name.
   */
  String path(String name) {
    if (at.isEmpty()) {
      return name;
    }
    String path = String.join("/", at.subList(1, at.size())) + (at.size() > 1 ? "/" : "") + name;
    return path.length() > MOST_SHOWN ? "…" + path.substring(path.length() - MOST_SHOWN) : path;
  }

  Transfer done() {
    return new Transfer(files, folders, links, bytes, skipped);
  }

  /** Seconds and nanoseconds as a time; nonsense becomes the epoch. */
  static FileTime time(long seconds, long nanos) {
    try {
      return FileTime.from(Instant.ofEpochSecond(seconds, Math.min(nanos, 999_999_999)));
    } catch (DateTimeException | ArithmeticException e) {
      return FileTime.from(Instant.EPOCH);
    }
  }

  /** Adds the head that files, folders and symlinks have in common. */
  static void head(FrameWriter to, char kind, HostFolder.Entry entry, byte[] name) {
    Instant modified = entry.modified().toInstant();
    to.u8(kind).u32(entry.mode() & 07777).u64(modified.getEpochSecond()).u32(modified.getNano());
    to.u16(name.length).raw(name, 0, name.length);
  }

  /** Adds the end. */
  static void end(FrameWriter to, int errno, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, 1024);
    to.u8('X').u32(errno).u16(length).raw(bytes, 0, length);
  }
}
