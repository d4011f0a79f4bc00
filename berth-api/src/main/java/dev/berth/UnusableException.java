package dev.berth;

import org.jspecify.annotations.Nullable;

/**
 * A sandbox came up, but did not pass its probe: it cannot run what it is for. Nothing of it is
 * left behind.
 */
public final class UnusableException extends CreateException {
  private static final long serialVersionUID = 1L;

  /** What was tried, why it failed and what to do. */
  public UnusableException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(provider, sandboxId, message, cause);
  }
}
