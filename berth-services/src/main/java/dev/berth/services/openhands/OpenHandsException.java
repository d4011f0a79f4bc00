package dev.berth.services.openhands;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * A call to an agent server failed, or a conversation did; {@link #failure()} says in which way. If
 * the server's process has ended, a {@link dev.berth.ServiceException} is thrown instead.
 */
public final class OpenHandsException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final Failure failure;

  /** All kinds there are. */
  public enum Failure {
    /** The server does not answer, or breaks off. */
    UNREACHABLE,
    /** A deadline of the caller's has passed; what was asked for may go on in the server. */
    TIMED_OUT,
    /** The key was refused. */
    UNAUTHORIZED,
    /** There is no such conversation or file. */
    NOT_FOUND,
    /** It cannot be done now: the conversation runs already, or the server has no capacity left. */
    BUSY,
    /** The server finds the request wrong. */
    REFUSED,
    /** The server failed within. */
    SERVER,
    /** What the server sent is beyond the bounds, or not what its interface says. */
    MALFORMED,
    /** A run ended in an error of the agent or of its model. */
    RUN_FAILED,
    /** A run was ended because the agent repeats itself. */
    STUCK,
    /** The conversation was closed here. */
    CLOSED
  }

  OpenHandsException(Failure failure, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.failure = failure;
  }

  OpenHandsException(Failure failure, String message) {
    this(failure, message, null);
  }

  /** The kind of failure. */
  public Failure failure() {
    return failure;
  }
}
