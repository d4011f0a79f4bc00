package dev.berth.services.http;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A call to a server that has no usable answer. The subtypes are all there are. Messages name the
 * method and the path, never a header or a body.
 */
public abstract sealed class CallException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String what;

  private CallException(String message, @Nullable Throwable cause) {
    super(message, cause);
    this.what = message;
  }

  /** What was called and what came of it. */
  @Override
  public String getMessage() {
    return what;
  }

  /**
   * No answer, or not all of it: nobody listens, the connection broke, or what came is no HTTP. The
   * server may have seen the call.
   */
  public static final class Unreachable extends CallException {
    private static final long serialVersionUID = 1L;

    Unreachable(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** The whole answer was not there in time. The server may have seen the call. */
  public static final class TimedOut extends CallException {
    private static final long serialVersionUID = 1L;

    TimedOut(String message) {
      super(message, null);
    }
  }

  /** The server answered with a status that means no. */
  public static final class Refused extends CallException {
    private static final long serialVersionUID = 1L;
    private final transient Reply reply;

    Refused(String message, Reply reply) {
      super(message, null);
      this.reply = reply;
    }

    /** What it answered. */
    public Reply reply() {
      return reply;
    }
  }

  /** The answer is larger than the caller takes. */
  public static final class TooLarge extends CallException {
    private static final long serialVersionUID = 1L;
    private final long limit;

    TooLarge(String message, long limit) {
      super(message, null);
      this.limit = limit;
    }

    /** The bytes that would have been taken. */
    public long limit() {
      return limit;
    }
  }

  /** The answer is no JSON, not of the shape that is due, or beyond the bounds of {@link Json}. */
  public static final class NotJson extends CallException {
    private static final long serialVersionUID = 1L;

    NotJson(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }
}
