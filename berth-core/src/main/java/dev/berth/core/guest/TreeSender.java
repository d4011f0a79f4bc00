package dev.berth.core.guest;

import dev.berth.Transfer;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Sends a file or folder of the host as a tree stream, safe from whoever changes it meanwhile. For
 * one use.
 */
final class TreeSender {
  private static final int SMALL = 1 << 15;

  private final RawConnection to;
  private final TreeStream tree = new TreeStream();

  TreeSender(RawConnection to) {
    this.to = to;
  }

  /**
   * Sends {@code local}; what it points to, if it is a symlink. The stream is not flushed.
   *
   * @throws TreeStream.EntryException if something on the host is in the way; other errors are the
   *     connection's
   */
  Transfer send(Path local) throws IOException, InterruptedException {
    Path named = local.toAbsolutePath().normalize().getFileName();
    byte[] name = named == null ? new byte[] {'r', 'o', 'o', 't'} : HostName.bytes(named);
    try {
      HostFolder.Entry entry = HostFolder.Entry.of(local);
      switch (entry.kind()) {
        case HostFolder.Entry.FILE -> {
          try (FileChannel file =
              Descriptors.openBounded(() -> FileChannel.open(local, StandardOpenOption.READ))) {
            file(file, entry, name);
          }
        }
        case HostFolder.Entry.FOLDER -> {
          try (HostFolder folder = HostFolder.open(local)) {
            folder(folder, entry, name);
          }
        }
        default ->
            throw new TreeStream.EntryException(
                "that is neither a file nor a folder", new IOException());
      }
    } catch (FileSystemException | InterruptedIOException e) {
      throw new TreeStream.EntryException("on the host: " + why(e), e);
    }
    TreeStream.end(to.gather(), 0, "");
    return tree.done();
  }

  private void folder(HostFolder folder, HostFolder.Entry entry, byte[] name)
      throws IOException, InterruptedException {
    if (tree.depth() >= TreeStream.MOST_DEPTH) {
      throw new TreeStream.EntryException(
          "'" + tree.path(HostName.show(name)) + "': it is too deep", new IOException());
    }
    TreeStream.head(to.gather(), 'D', entry, name);
    to.gathered();
    tree.enter(HostName.show(name));
    for (Path child : folder.names()) {
      entry(folder, child);
    }
    tree.leave();
    to.gather().u8('U');
    to.gathered();
  }

  private void entry(HostFolder in, Path child) throws IOException, InterruptedException {
    byte[] name = HostName.bytes(child);
    String shown = HostName.show(name);
    try {
      HostFolder.Entry entry = in.entry(child);
      switch (entry.kind()) {
        case HostFolder.Entry.FILE -> {
          try (FileChannel file = in.openFile(child)) {
            file(file, entry, name);
          }
        }
        case HostFolder.Entry.FOLDER -> {
          try (HostFolder folder = in.enter(child)) {
            folder(folder, entry, name);
          }
        }
        case HostFolder.Entry.SYMLINK -> link(in.linkText(child), entry, name);
        default -> tree.skip(shown);
      }
    } catch (NoSuchFileException e) {
      // It was deleted since the folder was listed.
      tree.skip(shown);
    } catch (FileSystemException | InterruptedIOException e) {
      throw new TreeStream.EntryException("'" + tree.path(shown) + "': " + why(e), e);
    }
  }

  private void link(Path text, HostFolder.Entry entry, byte[] name) throws IOException {
    byte[] target = HostName.bytes(text);
    TreeStream.head(to.gather(), 'L', entry, name);
    to.gather().u16(target.length).raw(target, 0, target.length);
    to.gathered();
    tree.link();
  }

  private void file(FileChannel file, HostFolder.Entry entry, byte[] name) throws IOException {
    // The size of what was really opened: something else than a file has none, and is not read.
    long size = file.size();
    FrameWriter gather = to.gather();
    TreeStream.head(gather, 'F', entry, name);
    gather.u64(size);
    long sent;
    if (size <= SMALL) {
      byte[] bytes = new byte[(int) size];
      sent = readAll(file, ByteBuffer.wrap(bytes));
      gather.raw(bytes, 0, bytes.length);
    } else {
      to.flush();
      sent = to.send(file, 0, size);
      pad(size - sent);
    }
    gather.u8(sent == size ? 0 : 1);
    to.gathered();
    tree.file(size);
    if (sent != size) {
      throw new TreeStream.EntryException(
          "'" + tree.path(HostName.show(name)) + "': it became shorter while it was read",
          new IOException());
    }
  }

  private static long readAll(FileChannel file, ByteBuffer to) throws IOException {
    int got = 0;
    while (to.hasRemaining() && got >= 0) {
      got = file.read(to);
    }
    return to.position();
  }

  private void pad(long missing) throws IOException {
    byte[] zeros = new byte[(int) Math.min(missing, SMALL)];
    for (long left = missing; left > 0; left -= zeros.length) {
      to.write(ByteBuffer.wrap(zeros, 0, (int) Math.min(left, zeros.length)));
    }
  }

  /**
   * What an error of the host's file system says, without the path, which is one of {@code /proc}.
   */
  static String why(IOException e) {
    return switch (e) {
      case AccessDeniedException denied -> Errno.text(13) + "." + Errno.remedy(13);
      case NoSuchFileException none -> Errno.text(2) + "." + Errno.remedy(2);
      case FileSystemException failed ->
          failed.getReason() != null ? failed.getReason() : failed.getClass().getSimpleName();
      default -> String.valueOf(e.getMessage());
    };
  }
}
