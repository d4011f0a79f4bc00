package dev.berth.core.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;

/**
 * A folder that only this user can write: whoever owns a folder, or may write it, can replace what
 * is in it, a program or a socket for instance.
 */
public final class OwnFolder {
  private static final Set<PosixFilePermission> OTHERS_WRITE =
      EnumSet.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

  private OwnFolder() {}

  /**
   * Takes away others' right to write.
   *
   * @throws IOException if it belongs to another user
   */
  public static void ensure(Path folder) throws IOException {
    Object owner = Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    if (!owner.equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
      throw new IOException(
          folder + " belongs to another user (uid " + owner + "); use a folder of your own");
    }
    Set<PosixFilePermission> modes = EnumSet.copyOf(Files.getPosixFilePermissions(folder));
    if (modes.removeAll(OTHERS_WRITE)) {
      Files.setPosixFilePermissions(folder, modes);
    }
  }
}
