package dev.berth.services.eval;

/** What the test is expected to do before the patch. */
public enum Expected {
  /** Fail; else the patch proves nothing. */
  FAIL,
  /** Pass. */
  PASS,
  /** It is not run. */
  SKIP
}
