package dev.berth;

import org.jspecify.annotations.Nullable;

/**
 * The sandbox is gone, or cannot be reached any more. Commands that ran then have {@link
 * ErrorType#SANDBOX} as their result.
 */
public final class SandboxLostException extends SandboxException {
  private static final long serialVersionUID = 1L;

  /** What was tried, why it failed and what to do. */
  public SandboxLostException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(provider, sandboxId, message, cause);
  }
}
