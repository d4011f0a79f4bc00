package dev.berth;

import org.jspecify.annotations.Nullable;

/**
 * A failure of Berth or of what it stands on, not of a command. The subtypes are all there are, so
 * that a {@code switch} over them can be exhaustive.
 */
public abstract sealed class SandboxException extends RuntimeException
    permits RequestException,
        UnsupportedRequestException,
        CreateException,
        SandboxLostException,
        TransferException,
        PtyException,
        ServiceException,
        CommandFailedException {
  private static final long serialVersionUID = 1L;

  private final @Nullable String sandboxId;
  private final @Nullable String provider;

  SandboxException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(message, cause);
    this.provider = provider;
    this.sandboxId = sandboxId;
  }

  /** The sandbox it is about; absent if there was none yet. */
  public @Nullable String sandboxId() {
    return sandboxId;
  }

  /** The provider it is about; absent if none was involved yet. */
  public @Nullable String provider() {
    return provider;
  }
}
