package dev.berth;

import org.jspecify.annotations.Nullable;

/**
 * The request is right, but cannot be met here: by this provider, on this host, for this kind of
 * sandbox.
 */
public final class UnsupportedRequestException extends SandboxException {
  private static final long serialVersionUID = 1L;

  /** What was tried, why it failed and what to do. */
  public UnsupportedRequestException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(provider, sandboxId, message, cause);
  }
}
