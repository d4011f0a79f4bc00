package dev.berth;

import org.jspecify.annotations.Nullable;

/** A file or folder could not be copied. What was copied until then may be there. */
public final class TransferException extends SandboxException {
  private static final long serialVersionUID = 1L;

  /** What was tried, why it failed and what to do. */
  public TransferException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(provider, sandboxId, message, cause);
  }
}
