package dev.berth;

import org.jspecify.annotations.Nullable;

/**
 * The request is wrong: a value out of range, an unknown key, a path that is not absolute. Nothing
 * was started.
 */
public final class RequestException extends SandboxException {
  private static final long serialVersionUID = 1L;

  /** What was tried, why it failed and what to do. */
  public RequestException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(provider, sandboxId, message, cause);
  }

  /** What was tried, and what is allowed. */
  public RequestException(String message) {
    super(null, null, message, null);
  }
}
