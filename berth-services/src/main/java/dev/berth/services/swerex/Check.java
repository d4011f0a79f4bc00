package dev.berth.services.swerex;

/** What becomes of a command's exit code. */
public enum Check {
  /** It is reported. */
  SILENT,
  /** Any but 0 is {@link Failure#NON_ZERO_EXIT_CODE}. */
  RAISE,
  /** It is not even asked for, which an interactive program in between cannot answer. */
  IGNORE
}
