package dev.berth;

/**
 * Why a command has no result of its own. Its return code is then {@value ProcessExit#NO_RESULT}.
 */
public enum ErrorType {
  /**
   * Its time ran out; the whole process tree was killed. The output until then is in the result.
   */
  TIMEOUT,
  /** The sandbox was lost or its runtime failed. */
  SANDBOX,
  /** Its terminal could not be had or was lost. */
  PTY
}
