package dev.berth;

import org.jspecify.annotations.Nullable;

/** A sandbox, or an image for it, could not be made. Nothing of it is left behind. */
public sealed class CreateException extends SandboxException permits UnusableException {
  private static final long serialVersionUID = 1L;

  /** What was tried, why it failed and what to do. */
  public CreateException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable Throwable cause) {
    super(provider, sandboxId, message, cause);
  }
}
