package dev.berth.core.guest;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * A folder of the host that is held open, and everything that is done in it: by its descriptor and
 * one name, never by a path, and never through a symlink. So whoever renames or replaces folders
 * meanwhile (sandbox code, in a folder that is bound into a sandbox) cannot lead a transfer
 * elsewhere.
 *
 * <p>The JDK opens, moves and deletes relative to a folder ({@link SecureDirectoryStream}), but it
 * makes no folders and symlinks there, and tells no mode. For these it is named through {@code
 * /proc/self/fd}, where the kernel follows the descriptor itself, whatever has become of the
 * folder's path. For one thread.
 */
final class HostFolder implements Closeable {
  private static final FileAttribute<?> OWNER_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<?> OWNER_FOLDER =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final SecureDirectoryStream<Path> stream;
  private final Descriptors.Folder again;
  private final Path here;

  private HostFolder(SecureDirectoryStream<Path> stream) throws IOException {
    this.stream = stream;
    boolean done = false;
    try {
      this.again = Descriptors.reopen(stream);
      this.here = again.path();
      done = true;
    } finally {
      if (!done) {
        stream.close();
      }
    }
  }

  /** What an entry is. */
  record Entry(int mode, FileTime modified, long size, Object key) {
    static final int FOLDER = 4;
    static final int FILE = 8;
    static final int SYMLINK = 10;

    /** The kind of entry, as in {@code st_mode >> 12}. */
    int kind() {
      return mode >> 12 & 15;
    }

    /** Reads it. */
    static Entry of(Path path, LinkOption... options) throws IOException {
      Map<String, Object> all =
          Files.readAttributes(path, "unix:mode,lastModifiedTime,size,fileKey", options);
      return new Entry(
          (Integer) Objects.requireNonNull(all.get("mode")),
          (FileTime) Objects.requireNonNull(all.get("lastModifiedTime")),
          (Long) Objects.requireNonNull(all.get("size")),
          Objects.requireNonNull(all.get("fileKey")));
    }
  }

  /** Opens a folder by its path, through symlinks: the caller's own word. */
  @SuppressWarnings("StreamResourceLeak") // The folder closes it.
  static HostFolder open(Path path) throws IOException {
    return new HostFolder(secure(Files.newDirectoryStream(path)));
  }

  /** Opens a folder in this one; a symlink is an error. */
  @SuppressWarnings("StreamResourceLeak") // The folder closes it.
  HostFolder enter(Path name) throws IOException {
    return new HostFolder(secure(stream.newDirectoryStream(name, LinkOption.NOFOLLOW_LINKS)));
  }

  private static SecureDirectoryStream<Path> secure(DirectoryStream<Path> stream)
      throws IOException {
    if (stream instanceof SecureDirectoryStream<Path> secure) {
      return secure;
    }
    stream.close();
    throw new IOException("this file system cannot be walked safely (no openat)");
  }

  /** The names in it. To be asked once. */
  List<Path> names() throws IOException {
    List<Path> names = new ArrayList<>();
    try {
      stream.forEach(path -> names.add(path.getFileName()));
    } catch (java.nio.file.DirectoryIteratorException e) {
      throw e.getCause();
    }
    return names;
  }

  Entry entry(Path name) throws IOException {
    return Entry.of(here.resolve(name), LinkOption.NOFOLLOW_LINKS);
  }

  boolean isFolder(Path name) throws IOException {
    try {
      return entry(name).kind() == Entry.FOLDER;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /**
   * Opens a file to be read. What was put in its place meanwhile is an error or reads as empty; a
   * FIFO holds nobody up for long.
   */
  FileChannel openFile(Path name) throws IOException, InterruptedException {
    return Descriptors.openBounded(() ->
        (FileChannel)
            stream.newByteChannel(
                name, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)));
  }

  Path linkText(Path name) throws IOException {
    return Files.readSymbolicLink(here.resolve(name));
  }

  /** Makes a file that was not there, open for writing, for its owner alone. */
  FileChannel createFile(Path name) throws IOException {
    return (FileChannel)
        stream.newByteChannel(
            name, Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW), OWNER_FILE);
  }

  /**
   * Gives a file that {@link #createFile} made, and that is still open, its time and mode: through
   * its descriptor, whatever stands at its name now.
   */
  void finishFile(Path name, int mode, FileTime modified) throws IOException {
    Path file =
        Descriptors.path(
            stream
                .getFileAttributeView(name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                .readAttributes());
    finish(file, mode & 0777, modified);
  }

  /** Makes a folder that was not there, for its owner alone. */
  void createFolder(Path name) throws IOException {
    Files.createDirectory(here.resolve(name), OWNER_FOLDER);
  }

  /** Gives this folder its mode and time. */
  void finishFolder(int mode, FileTime modified) throws IOException {
    finish(here, mode & 01777, modified);
  }

  private static void finish(Path descriptor, int mode, FileTime modified) throws IOException {
    Files.setLastModifiedTime(descriptor, modified);
    Files.setAttribute(descriptor, "unix:mode", mode);
  }

  void createLink(Path name, Path text) throws IOException {
    Files.createSymbolicLink(here.resolve(name), text);
  }

  /** Renames within this folder, over whatever is not a folder. */
  void rename(Path from, Path to) throws IOException {
    stream.move(from, stream, to);
  }

  void delete(Path name) throws IOException {
    stream.deleteFile(name);
  }

  @Override
  public void close() throws IOException {
    try (stream) {
      again.file().close();
    }
  }
}
