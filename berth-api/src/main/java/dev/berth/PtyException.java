package dev.berth;

import org.jspecify.annotations.Nullable;

/** A terminal could not be had. */
public final class PtyException extends SandboxException {
  private static final long serialVersionUID = 1L;

  /** What was tried, why it failed and what to do. */
  public PtyException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(provider, sandboxId, message, cause);
  }
}
