package dev.berth;

import org.jspecify.annotations.Nullable;

/**
 * What a sandbox may use. Absent parts are not limited.
 *
 * @param cpu processors, fractions allowed
 * @param memoryMib memory in MiB
 * @param diskGib disk in GiB
 * @param gpu number of GPUs
 * @param gpuType kind of GPU, in the provider's words
 */
public record SandboxResources(
    @Nullable Double cpu,
    @Nullable Long memoryMib,
    @Nullable Long diskGib,
    @Nullable Integer gpu,
    @Nullable String gpuType) {
  /** Nothing limited. */
  public static final SandboxResources NONE = new SandboxResources(null, null, null, null, null);

  /** Checks the ranges. */
  public SandboxResources {
    if (cpu != null && !(cpu > 0 && cpu <= 4096)) {
      throw new RequestException(
          "Tried to limit cpu to "
              + cpu
              + "; it must be above 0 and at most 4096 processors, such as 0.5 or 4.");
    }
    if (memoryMib != null && (memoryMib < 4 || memoryMib > 1L << 30)) {
      throw new RequestException(
          "Tried to limit memory_mib to " + memoryMib + "; it must be 4 or more MiB.");
    }
    if (diskGib != null && (diskGib < 1 || diskGib > 1L << 20)) {
      throw new RequestException(
          "Tried to limit disk_gib to " + diskGib + "; it must be 1 or more GiB.");
    }
    if (gpu != null && (gpu < 0 || gpu > 64)) {
      throw new RequestException("Tried to ask for " + gpu + " GPUs; it must be 0 to 64.");
    }
  }
}
