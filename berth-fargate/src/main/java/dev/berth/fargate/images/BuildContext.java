package dev.berth.fargate.images;

import dev.berth.RequestException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/**
 * A folder from which an image is built, as it was when it was looked at: what is in it, and its
 * hash. Symbolic links are taken as links and never followed.
 *
 * <p>The hash is that of a tar file with all paths in order, their bytes, their kinds, the targets
 * of links and whether files may be executed; and without owners, times and other modes. The very
 * same file is what is built from, so nothing that matters can differ under one hash.
 */
final class BuildContext {
  /** The name of the tar file in the staged zip file. */
  static final String TAR = "context.tar";

  /** What one PUT to S3 takes is 5 GiB; a context of that size is a mistake. */
  static final long MOST_BYTES = 4L << 30;

  static final int MOST_ENTRIES = 200_000;
  private static final int CHUNK = 1 << 16;

  private final Path root;
  private final List<Entry> entries;
  private final String hash;

  private record Entry(Path path, String name, Kind kind, long size, boolean executable) {}

  private enum Kind {
    FOLDER,
    FILE,
    LINK
  }

  private BuildContext(Path root, List<Entry> entries) {
    this.root = root;
    this.entries = entries;
    this.hash = write(OutputStream.nullOutputStream());
  }

  /**
   * Looks at a folder.
   *
   * @throws RequestException if there is no Dockerfile in it, or something that is no context
   */
  static BuildContext of(Path folder) {
    Path root;
    try {
      root = folder.toRealPath();
    } catch (IOException e) {
      throw wrong(folder, "it is not there", "name a folder with a Dockerfile", e);
    }
    if (!Files.isRegularFile(root.resolve("Dockerfile"), LinkOption.NOFOLLOW_LINKS)) {
      throw wrong(
          folder, "there is no file Dockerfile in it", "name a folder that has one, no link", null);
    }
    Scan scan = new Scan(root);
    try {
      Files.walkFileTree(root, scan);
    } catch (IOException e) {
      throw wrong(folder, "it cannot be read: " + e, "see to its modes", e);
    }
    // The same on every host, whatever its locale and its file system: see Names.
    scan.entries.sort(Comparator.comparing(Entry::name));
    return new BuildContext(root, List.copyOf(scan.entries));
  }

  Path root() {
    return root;
  }

  /** SHA-256 in hexadecimal digits, all 64. */
  String hash() {
    return hash;
  }

  /** What all files have together. */
  long bytes() {
    return entries.stream().mapToLong(Entry::size).sum();
  }

  /**
   * Writes what CodeBuild is given: a zip file with one file in it, the tar file. By itself a zip
   * file would not promise to bring links and modes across.
   *
   * @throws RequestException if the folder has changed since it was looked at
   */
  void zip(OutputStream to) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(to)) {
      ZipEntry entry = new ZipEntry(TAR);
      entry.setTime(0);
      zip.putNextEntry(entry);
      if (!write(zip).equals(hash)) {
        throw wrong(
            root, "it changed while it was read", "try again when nobody writes to it", null);
      }
      zip.closeEntry();
    }
  }

  private String write(OutputStream to) {
    MessageDigest digest = sha256();
    // Closed by whoever opened the stream below.
    TarArchiveOutputStream tar =
        new TarArchiveOutputStream(new DigestOutputStream(to, digest), "UTF-8");
    tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
    tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
    tar.setAddPaxHeadersForNonAsciiNames(true);
    for (Entry entry : entries) {
      try {
        write(entry, tar);
      } catch (IOException e) {
        throw wrong(root, entry.name() + " cannot be read: " + e, "see to its modes", e);
      }
    }
    try {
      tar.finish();
    } catch (IOException e) {
      throw wrong(root, "it cannot be packed: " + e, "see to the space for temporary files", e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void write(Entry entry, TarArchiveOutputStream tar) throws IOException {
    TarArchiveEntry header;
    if (entry.kind() == Kind.LINK) {
      header = new TarArchiveEntry(entry.name(), TarConstants.LF_SYMLINK);
      header.setLinkName(target(entry.path()));
      header.setMode(0777);
    } else if (entry.kind() == Kind.FOLDER) {
      header = new TarArchiveEntry(entry.name() + "/");
      header.setMode(0755);
    } else {
      header = new TarArchiveEntry(entry.name());
      header.setSize(entry.size());
      header.setMode(entry.executable() ? 0755 : 0644);
    }
    header.setModTime(0L);
    header.setIds(0, 0);
    header.setNames("", "");
    tar.putArchiveEntry(header);
    if (entry.kind() == Kind.FILE) {
      // A link that has taken the file's place meanwhile is not followed either.
      try (InputStream in = Files.newInputStream(entry.path(), LinkOption.NOFOLLOW_LINKS)) {
        copy(in, tar, entry.size());
      }
    }
    tar.closeArchiveEntry();
  }

  private static String target(Path link) throws IOException {
    String target = Names.text(Files.readSymbolicLink(link));
    if (!Names.isText(target)) {
      throw new IOException("its target is not UTF-8");
    }
    return target;
  }

  private static void copy(InputStream in, OutputStream to, long size) throws IOException {
    byte[] chunk = new byte[CHUNK];
    long left = size;
    while (left > 0) {
      int count = in.read(chunk, 0, (int) Math.min(chunk.length, left));
      if (count < 0) {
        throw new IOException("it got shorter while it was read");
      }
      to.write(chunk, 0, count);
      left -= count;
    }
    if (in.read() >= 0) {
      throw new IOException("it grew while it was read");
    }
  }

  private static RequestException wrong(
      Path folder, String why, String remedy, @org.jspecify.annotations.Nullable Throwable cause) {
    return new RequestException(
        null,
        null,
        "Tried to build an image from " + folder + ", but " + why + "; " + remedy + ".",
        cause);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static String sha256(String text) {
    return HexFormat.of().formatHex(sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Collects what is there; follows no links. */
  private static final class Scan extends SimpleFileVisitor<Path> {
    private final Path root;
    private final List<Entry> entries = new ArrayList<>();
    private long bytes;

    Scan(Path root) {
      this.root = root;
    }

    @Override
    public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes) {
      if (!path.equals(root)) {
        add(new Entry(path, name(path), Kind.FOLDER, 0, true));
      }
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFile(Path path, BasicFileAttributes attributes) throws IOException {
      if (attributes.isSymbolicLink()) {
        add(new Entry(path, name(path), Kind.LINK, 0, false));
      } else if (attributes.isRegularFile()) {
        boolean executable =
            Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS)
                .contains(PosixFilePermission.OWNER_EXECUTE);
        bytes += attributes.size();
        add(new Entry(path, name(path), Kind.FILE, attributes.size(), executable));
      } else {
        throw wrong(
            root, name(path) + " is a socket, a pipe or a device", "take it out of there", null);
      }
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path path, IOException e) {
      throw wrong(root, name(path) + " cannot be read: " + e, "see to its modes", e);
    }

    private void add(Entry entry) {
      entries.add(entry);
      if (entries.size() > MOST_ENTRIES || bytes > MOST_BYTES) {
        throw wrong(
            root,
            "it has more than "
                + MOST_ENTRIES
                + " files or "
                + (MOST_BYTES >> 30)
                + " GiB, at "
                + entry.name(),
            "keep only what the image needs there, and fetch the rest in the Dockerfile",
            null);
      }
    }

    private String name(Path path) {
      String name = Names.text(root.relativize(path));
      if (!Names.isText(name)) {
        throw wrong(root, "the name of " + name + " is not UTF-8", "rename it", null);
      }
      return name;
    }
  }
}
