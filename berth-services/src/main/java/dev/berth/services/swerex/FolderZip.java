package dev.berth.services.swerex;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.EnumSet;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Packs a folder's content. A link is packed as what it leads to, which must be in the folder. */
final class FolderZip {
  private static final int DEEPEST = 200;

  private FolderZip() {}

  /**
   * Writes the zip file.
   *
   * @throws IOException if something in the folder cannot be packed; the message says what
   */
  static void write(Path folder, Path zip) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException(
          Files.exists(folder) ? "it is no file and no folder" : "there is no such file or folder");
    }
    Path root = folder.toRealPath();
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(zip));
        ZipOutputStream to = new ZipOutputStream(out)) {
      // It stays on this host.
      to.setLevel(Deflater.BEST_SPEED);
      Files.walkFileTree(
          root,
          EnumSet.of(FileVisitOption.FOLLOW_LINKS),
          DEEPEST,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path each, BasicFileAttributes attributes)
                throws IOException {
              if (!each.equals(root)) {
                inside(root, each);
                to.putNextEntry(new ZipEntry(root.relativize(each) + "/"));
                to.closeEntry();
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path each, BasicFileAttributes attributes)
                throws IOException {
              inside(root, each);
              if (!attributes.isRegularFile()) {
                throw new IOException(
                    attributes.isDirectory()
                        ? each + " is more than " + DEEPEST + " folders deep"
                        : each + " is neither a file nor a folder");
              }
              to.putNextEntry(new ZipEntry(root.relativize(each).toString()));
              Files.copy(each, to);
              to.closeEntry();
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path each, IOException e) throws IOException {
              throw new IOException(
                  e instanceof FileSystemLoopException
                      ? each + " is a link to a folder around it"
                      : each + " cannot be read",
                  e);
            }
          });
    }
  }

  private static void inside(Path root, Path each) throws IOException {
    if (!each.toRealPath().startsWith(root)) {
      throw new IOException(each + " is a link out of the folder");
    }
  }
}
