package dev.berth.services.eval;

import java.util.Locale;

/** The steps of an instance, in their order. */
public enum Phase {
  /** The sandbox comes up. */
  CREATE,
  /** The repository gets to its place and commit. */
  REPOSITORY,
  /** The instance's own commands. */
  SETUP,
  /** The tests get to the state that they are judged in. */
  TEST_PATCH,
  /** The test, before the fix. */
  BEFORE,
  /** The fix. */
  PATCH,
  /** The test, after the fix. */
  AFTER,
  /** The sandbox is taken down. */
  STOP;

  /** As files and tables have it. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
