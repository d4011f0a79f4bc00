package dev.berth;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A server hosted in a sandbox died, never got healthy, or is not the one that answers on its port.
 * What was started of it is ended by the time this is thrown; the sandbox runs on.
 */
public final class ServiceException extends SandboxException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 2000;

  private final transient @Nullable ProcessExit exit;
  private final String log;

  /**
   * A failure of a server.
   *
   * @param message what was tried, why it failed and what to do; the end of {@code log} is added
   * @param exit how the server ended; null if it was still running when it was given up
   * @param log the last of what it printed, secrets left out
   */
  public ServiceException(
      @Nullable String provider,
      @Nullable String sandboxId,
      String message,
      @Nullable ProcessExit exit,
      String log,
      @Nullable Throwable cause) {
    super(provider, sandboxId, describe(message, log), cause);
    this.exit = exit;
    this.log = log;
  }

  /** How the server ended; empty if it was still running when it was given up. */
  public Optional<ProcessExit> exit() {
    return Optional.ofNullable(exit);
  }

  /** The last of what the server printed, bounded as its spec says. */
  public String log() {
    return log;
  }

  private static String describe(String message, String log) {
    String text = log.stripTrailing();
    if (text.isEmpty()) {
      return message + " It printed nothing.";
    }
    String end = text.length() > SHOWN ? "…" + text.substring(text.length() - SHOWN) : text;
    return message + " Its log ends:\n" + end;
  }
}
