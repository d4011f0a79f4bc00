package dev.berth.core.process;

import dev.berth.UnsupportedRequestException;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The guest's program, which travels in Berth's jar, as a file of this host: {@code
 * <cache>/guest/<sha256>/berth-guest}, mode 0755, in a folder that only this user can write.
 * Processes that extract it at once do not disturb each other.
 */
public final class GuestBinary {
  private static final ConcurrentHashMap<Path, Path> VERIFIED = new ConcurrentHashMap<>();
  private static final Set<PosixFilePermission> EXECUTABLE =
      PosixFilePermissions.fromString("rwxr-xr-x");

  private GuestBinary() {}

  /**
   * The program for this host's processor, extracted if it is not there, and compared with what it
   * should be once in each process.
   *
   * @throws UnsupportedRequestException if there is none for this processor or it cannot be stored
   */
  public static Path in(Path cacheHome) {
    Path known = VERIFIED.get(cacheHome);
    if (known != null && known.toFile().canExecute()) {
      return known;
    }
    Path file = extract(program(architecture()), cacheHome);
    VERIFIED.put(cacheHome, file);
    return file;
  }

  /** This host's processor as the guest's builds and Linux name it. */
  public static String architecture() {
    String name = System.getProperty("os.arch", "");
    return switch (name) {
      case "amd64", "x86_64" -> "x86_64";
      case "aarch64", "arm64" -> "aarch64";
      default ->
          throw unsupported(
              "'" + name + "' is no processor it is built for; x86_64 and aarch64 are", null);
    };
  }

  /**
   * The program for this processor, {@code x86_64} or {@code aarch64}, for a sandbox elsewhere.
   *
   * @throws UnsupportedRequestException if this build of Berth has none
   */
  public static byte[] program(String architecture) {
    String name = "/dev/berth/core/guest/linux-" + architecture + "/berth-guest";
    try (InputStream in = GuestBinary.class.getResourceAsStream(name)) {
      if (in == null) {
        throw unsupported("this build of Berth has none for " + architecture, null);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw unsupported("it could not be read from Berth's jar", e);
    }
  }

  static Path extract(byte[] program, Path cacheHome) {
    Path folder = cacheHome.resolve("guest").resolve(hash(program));
    Path file = folder.resolve("berth-guest");
    try {
      Files.createDirectories(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      for (Path each : List.of(cacheHome, cacheHome.resolve("guest"), folder)) {
        OwnFolder.ensure(each);
      }
      if (!same(file, program)) {
        write(folder, file, program);
      }
      return file;
    } catch (IOException e) {
      throw unsupported("it could not be stored at " + file + ": " + Reason.of(e), e);
    }
  }

  private static boolean same(Path file, byte[] program) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        || Files.size(file) != program.length
        || !Files.getPosixFilePermissions(file).equals(EXECUTABLE)) {
      return false;
    }
    try (InputStream in = new FileInputStream(file.toFile())) {
      return Arrays.equals(in.readAllBytes(), program);
    }
  }

  private static void write(Path folder, Path file, byte[] program) throws IOException {
    File next = File.createTempFile("berth-guest-", ".new", folder.toFile());
    try {
      try (FileOutputStream out = new FileOutputStream(next)) {
        out.write(program);
      }
      Files.setPosixFilePermissions(next.toPath(), EXECUTABLE);
      Files.move(next.toPath(), file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(next.toPath());
    }
  }

  private static String hash(byte[] program) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(program));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static UnsupportedRequestException unsupported(String why, @Nullable Throwable cause) {
    return new UnsupportedRequestException(
        null, null, "Tried to find the guest program for this host, but " + why + ".", cause);
  }
}
