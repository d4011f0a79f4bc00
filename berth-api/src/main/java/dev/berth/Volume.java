package dev.berth;

import org.jspecify.annotations.Nullable;

/**
 * A folder or file that is mounted into the sandbox: either from the host ({@code hostPath}) or
 * from EFS, where the provider has that.
 *
 * @param hostPath absolute; null for EFS
 * @param containerPath absolute, where the sandbox sees it
 * @param efsFileSystemId such as {@code fs-0123}; null for a host path
 * @param efsAccessPointId null for none
 */
public record Volume(
    @Nullable String hostPath,
    String containerPath,
    boolean readonly,
    @Nullable String efsFileSystemId,
    @Nullable String efsAccessPointId) {
  /** Checks that the paths are absolute and that exactly one source is named. */
  public Volume {
    if ((hostPath == null) == (efsFileSystemId == null)) {
      throw new RequestException(
          "Tried to mount a volume at '"
              + containerPath
              + "'; name exactly one source: host_path, or efs_filesystem_id.");
    }
    if (hostPath != null) {
      Checks.absolute("host_path of a volume", hostPath);
    }
    Checks.absolute("container_path of a volume", containerPath);
  }

  /** A folder or file of the host. */
  public static Volume ofHost(String hostPath, String containerPath, boolean readonly) {
    return new Volume(hostPath, containerPath, readonly, null, null);
  }
}
