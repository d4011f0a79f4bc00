package dev.berth.apptainer;

import dev.berth.CreateException;
import dev.berth.core.image.ImageReference;
import dev.berth.core.process.GuestBinary;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * For which processor an image's programs are. Apptainer fetches what a registry has, for this host
 * or not, and says nothing.
 */
final class Architecture {
  private static final List<String> PROGRAMS =
      List.of("usr/bin", "bin", "usr/sbin", "sbin", "usr/local/bin", ".");
  private static final int ENOUGH = 200;
  private static final int X86_64 = 62;
  private static final int AARCH64 = 183;

  private Architecture() {}

  /**
   * Looks at the programs of an unpacked image; one for this host is enough. A .sif file is not
   * looked into: its probe fails.
   *
   * @throws CreateException if there are programs, and none is for this host
   */
  static void check(ImageReference image, Path root) {
    int host = GuestBinary.architecture().equals("aarch64") ? AARCH64 : X86_64;
    int seen = 0;
    for (String folder : PROGRAMS) {
      Path programs = root.resolve(folder);
      if (!Files.isDirectory(programs, LinkOption.NOFOLLOW_LINKS)) {
        continue;
      }
      try (DirectoryStream<Path> files =
          Files.newDirectoryStream(
              programs, file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))) {
        for (Path file : files) {
          Optional<Integer> machine = machine(file);
          if (machine.isPresent() && (machine.get() == host || ++seen > ENOUGH)) {
            return;
          }
        }
      } catch (IOException e) {
        // A folder that its modes close to us tells nothing.
      }
    }
    if (seen > 0) {
      throw new CreateException(
          ApptainerProvider.NAME,
          null,
          "Tried to fetch "
              + image
              + ", but its programs are not for this host's processor ("
              + GuestBinary.architecture()
              + "); name an image, or a digest, that is.",
          null);
    }
  }

  /** The machine that an ELF program is for. */
  private static Optional<Integer> machine(Path file) {
    try (FileInputStream in = new FileInputStream(file.toFile())) {
      byte[] header = in.readNBytes(20);
      if (header.length < 20
          || header[0] != 0x7f
          || header[1] != 'E'
          || header[2] != 'L'
          || header[3] != 'F') {
        return Optional.empty();
      }
      return Optional.of(header[18] & 0xff | (header[19] & 0xff) << 8);
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
