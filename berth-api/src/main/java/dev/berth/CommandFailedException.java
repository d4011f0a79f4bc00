package dev.berth;

/** A command did not end with code 0. Only {@link ExecResult#orThrow()} throws it. */
public final class CommandFailedException extends SandboxException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 2000;

  private final transient ExecResult result;

  CommandFailedException(ExecResult result) {
    super(null, null, describe(result), null);
    this.result = result;
  }

  /** What the command left. */
  public ExecResult result() {
    return result;
  }

  private static String describe(ExecResult result) {
    String how =
        result.errorType() == null
            ? "exited with code " + result.returnCode()
            : "had no result (" + result.errorType() + ")";
    String detail = result.exit().detail().isEmpty() ? "" : ": " + result.exit().detail();
    String stderr = result.stderr();
    String end = stderr.length() > SHOWN ? "…" + stderr.substring(stderr.length() - SHOWN) : stderr;
    return "The command "
        + how
        + " after "
        + result.duration().toMillis()
        + " ms"
        + detail
        + (end.isBlank() ? "." : "; its error output ends:\n" + end.stripTrailing());
  }
}
