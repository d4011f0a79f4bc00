package dev.berth.services.eval;

import java.util.Locale;

/** What came of an instance. */
public enum Verdict {
  /** The test did before and after the patch what was expected. */
  PASSED,
  /** It did not, or the way there failed: a set-up command, a patch that does not apply. */
  FAILED,
  /** The instance's time ran out. */
  TIMEOUT,
  /** There is none: the sandbox could not be had or was lost. The next run tries again. */
  ERROR;

  /** Whether it stands, so that the instance is not run again. */
  public boolean isFinal() {
    return this != ERROR;
  }

  /** As files and tables have it. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
