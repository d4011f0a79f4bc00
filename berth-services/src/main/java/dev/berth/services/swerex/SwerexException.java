package dev.berth.services.swerex;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** A call of a {@link Runtime} failed; {@link #failure()} says in which way. */
public final class SwerexException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final Failure failure;
  private final String output;

  public SwerexException(Failure failure, String message) {
    this(failure, message, "", null);
  }

  /**
   * @param output what the command had printed until then, as far as it is known
   */
  public SwerexException(
      Failure failure, String message, String output, @Nullable Throwable cause) {
    super(message, cause);
    this.failure = failure;
    this.output = output;
  }

  /** The kind of failure. */
  public Failure failure() {
    return failure;
  }

  /** What the command had printed until then; empty where that is not known. */
  public String output() {
    return output;
  }
}
