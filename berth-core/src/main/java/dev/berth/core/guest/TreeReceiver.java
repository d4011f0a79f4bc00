package dev.berth.core.guest;

import dev.berth.Transfer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Receives a tree stream from a guest, which is hostile, and makes it in a folder of the host:
 * everything in folders that it holds open, every file under a name of its own first. For one use.
 */
final class TreeReceiver {
  private static final String NOT_COPIED = "is neither a file, a folder nor a symlink";

  private final TreeReader in;
  private final HostFolder parent;
  private final @Nullable Path rootName;
  private final Allowance allowance;
  private final TreeStream tree = new TreeStream();
  private final Deque<Level> open = new ArrayDeque<>();
  private boolean rootSeen;

  /** A folder that is being filled. */
  private record Level(HostFolder folder, boolean made, int mode, FileTime modified) {}

  /**
   * Makes what comes in {@code parent}.
   *
   * @param rootName the name of the copy; null for the one it has in the sandbox
   */
  TreeReceiver(TreeReader in, HostFolder parent, @Nullable Path rootName, Allowance allowance) {
    this.allowance = allowance;
    this.in = in;
    this.parent = parent;
    this.rootName = rootName;
  }

  /** Reads to the end. What could not be copied is in {@link #tree()}. */
  Transfer receive() throws IOException {
    try {
      while (true) {
        int record = in.u8();
        if (record != 'U' && record != 'X') {
          allowance.entry();
        }
        switch (record) {
          case 'D' -> folder();
          case 'U' -> up();
          case 'F' -> file();
          case 'L' -> link();
          case 'S' -> skipped();
          case 'X' -> {
            in.end();
            if (!open.isEmpty() || (!rootSeen && tree.failures().isEmpty())) {
              throw new ProtocolException("a tree that ends in the middle");
            }
            return tree.done();
          }
          default -> throw new ProtocolException("a tree record of type " + record);
        }
      }
    } finally {
      open.forEach(level -> Watch.quietly(level.folder()));
    }
  }

  TreeStream tree() {
    return tree;
  }

  private HostFolder here() {
    Level level = open.peek();
    return level == null ? parent : level.folder();
  }

  /** The name on the host for an entry that comes now. */
  private Path place(byte[] name) throws ProtocolException {
    if (!open.isEmpty()) {
      return HostName.component(name);
    }
    if (rootSeen) {
      throw new ProtocolException("a tree with two roots");
    }
    rootSeen = true;
    return rootName != null ? rootName : HostName.component(name);
  }

  private void folder() throws IOException {
    int mode = in.mode();
    FileTime modified = in.time();
    byte[] name = in.name();
    if (open.size() >= TreeStream.MOST_DEPTH) {
      throw new ProtocolException("a tree more than " + TreeStream.MOST_DEPTH + " deep");
    }
    Path place = place(name);
    boolean made = true;
    try {
      HostFolder outer = here();
      try {
        outer.createFolder(place);
      } catch (FileAlreadyExistsException e) {
        made = false;
        if (!outer.isFolder(place)) {
          throw e;
        }
      }
      open.push(new Level(outer.enter(place), made, mode, modified));
    } catch (IOException e) {
      throw failed(name, e);
    }
    tree.enter(HostName.show(name));
  }

  private void up() throws IOException {
    Level level = open.poll();
    if (level == null) {
      throw new ProtocolException("a tree that leaves its root");
    }
    tree.leave();
    try (HostFolder folder = level.folder()) {
      if (level.made()) {
        folder.finishFolder(level.mode(), level.modified());
      }
    }
  }

  private void file() throws IOException {
    int mode = in.mode();
    FileTime modified = in.time();
    byte[] name = in.name();
    long size = in.count();
    allowance.file(size);
    Path place = place(name);
    HostFolder folder = here();
    Path temporary = temporary();
    boolean done = false;
    try (FileChannel file = create(folder, temporary, name)) {
      copy(file, size, name);
      int status = in.u8();
      if (status > 1) {
        throw new ProtocolException("a file that ends with " + status);
      }
      if (status == 1) {
        tree.fail(HostName.show(name), "changed or could not be read while it was copied");
        return;
      }
      try {
        folder.finishFile(temporary, mode, modified);
        folder.rename(temporary, place);
      } catch (IOException e) {
        throw failed(name, e);
      }
      done = true;
      tree.file(size);
    } finally {
      if (!done) {
        remove(folder, temporary);
      }
    }
  }

  private FileChannel create(HostFolder folder, Path temporary, byte[] name) throws IOException {
    try {
      return folder.createFile(temporary);
    } catch (IOException e) {
      throw failed(name, e);
    }
  }

  private void copy(FileChannel file, long size, byte[] name) throws IOException {
    long left = size;
    while (left > 0) {
      ByteBuffer bytes = in.some(left);
      left -= bytes.remaining();
      try {
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
      } catch (IOException e) {
        throw failed(name, e);
      }
    }
  }

  private void link() throws IOException {
    in.mode();
    in.time();
    byte[] name = in.name();
    byte[] text = in.linkText();
    Path place = place(name);
    HostFolder folder = here();
    Path temporary = temporary();
    try {
      folder.createLink(temporary, HostName.path(text));
      boolean done = false;
      try {
        folder.rename(temporary, place);
        done = true;
      } finally {
        if (!done) {
          remove(folder, temporary);
        }
      }
    } catch (IOException e) {
      throw failed(name, e);
    }
    tree.link();
  }

  private void skipped() throws IOException {
    int kind = in.u8();
    String shown = HostName.show(in.name());
    if (open.isEmpty()) {
      tree.fail(shown, kind == TreeStream.UNREADABLE ? "could not be read" : NOT_COPIED);
    } else if (kind == TreeStream.UNREADABLE) {
      tree.fail(shown, "could not be read");
    } else {
      tree.skip(shown);
    }
  }

  private TreeStream.EntryException failed(byte[] name, IOException e) {
    return new TreeStream.EntryException(
        "'" + tree.path(HostName.show(name)) + "' on the host: " + TreeSender.why(e), e);
  }

  private static Path temporary() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    return Path.of(
        ".berth-" + Long.toHexString(random.nextLong()) + Long.toHexString(random.nextLong()));
  }

  private static void remove(HostFolder folder, Path temporary) {
    try {
      folder.delete(temporary);
    } catch (IOException e) {
      // Somebody else was quicker, or the folder is gone.
    }
  }
}
