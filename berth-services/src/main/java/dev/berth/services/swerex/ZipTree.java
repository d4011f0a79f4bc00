package dev.berth.services.swerex;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipException;

/**
 * Unpacks a zip file that somebody else made into a folder of the host. Names that lead out of it
 * are refused, links become files, nothing gets more bits than its owner's and others' read, write
 * and execute, and numbers and sizes are bounded whatever the file says of itself.
 */
final class ZipTree {
  private static final long MOST_BYTES = 16L << 30;
  private static final int MOST_ENTRIES = 500_000;
  private static final int MOST_DEPTH = 100;

  private final byte[] buffer = new byte[1 << 16];
  private long bytes;
  private int entries;

  private ZipTree() {}

  /**
   * Unpacks {@code zip} into the existing folder {@code into}.
   *
   * @throws SwerexException with {@link Failure#FILE} if it is none, or beyond the bounds
   */
  static void unpack(Path zip, Path into) {
    try (FileSystem inside =
        FileSystems.newFileSystem(zip, Map.of("enablePosixFileAttributes", true))) {
      // It has refused names with . and .. in them; absolute ones are below its root.
      new ZipTree().folder(inside.getPath("/"), into, 0);
    } catch (ZipException e) {
      throw failed("it is none that can be read: " + e.getMessage(), e);
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      throw failed(String.valueOf(e.getMessage()), e);
    }
  }

  private static SwerexException failed(String why, Exception e) {
    return new SwerexException(Failure.FILE, "Tried to unpack a zip file, but " + why + ".", "", e);
  }

  private void folder(Path from, Path to, int depth) throws IOException {
    if (depth > MOST_DEPTH) {
      throw new ZipException("its folders are too deep");
    }
    Deque<Path> folders = new ArrayDeque<>();
    try (var children = Files.newDirectoryStream(from)) {
      for (Path child : children) {
        if (++entries > MOST_ENTRIES) {
          throw new ZipException("it has more than " + MOST_ENTRIES + " entries");
        }
        if (Files.isDirectory(child)) {
          folders.add(child);
        } else {
          file(child, place(to, child));
        }
      }
    }
    for (Path child : folders) {
      Path place = place(to, child);
      Files.createDirectory(place);
      folder(child, place, depth + 1);
    }
  }

  /** The name is one component, and was none of the special ones. */
  private static Path place(Path folder, Path child) throws IOException {
    Path name = child.getFileName();
    String text = name == null ? "" : name.toString().replace("/", "");
    if (text.isEmpty() || text.equals(".") || text.equals("..") || text.indexOf('\0') >= 0) {
      throw new ZipException("it has an entry named '" + text + "'");
    }
    return folder.resolve(text);
  }

  private void file(Path from, Path to) throws IOException {
    try (InputStream in = Files.newInputStream(from);
        OutputStream out = Files.newOutputStream(to, StandardOpenOption.CREATE_NEW)) {
      for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
        bytes += got;
        if (bytes > MOST_BYTES) {
          throw new ZipException("it holds more than " + MOST_BYTES + " bytes");
        }
        out.write(buffer, 0, got);
      }
    }
    Files.setLastModifiedTime(
        to, Files.readAttributes(from, BasicFileAttributes.class).lastModifiedTime());
    Files.setPosixFilePermissions(to, permissions(from));
  }

  @SuppressWarnings("unchecked") // What the attribute is documented to be.
  private static Set<PosixFilePermission> permissions(Path from) throws IOException {
    Set<PosixFilePermission> all =
        EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
    if (Files.getAttribute(from, "zip:permissions") instanceof Set<?> stored) {
      all.addAll((Set<PosixFilePermission>) stored);
    } else {
      all.add(PosixFilePermission.GROUP_READ);
      all.add(PosixFilePermission.OTHERS_READ);
    }
    return all;
  }
}
