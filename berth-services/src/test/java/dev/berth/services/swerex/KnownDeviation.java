package dev.berth.services.swerex;

/**
 * Where an implementation of {@link Runtime} is known to do otherwise than the contract says. Each
 * is asserted to be really so, so that nothing is listed that is fixed; {@code docs/swerex.md} has
 * them for people.
 */
enum KnownDeviation {
  /**
   * While a command runs, nothing else is answered: no liveness, no other session, no interrupt.
   */
  ANSWERS_ONE_CALL_AT_A_TIME,
  /** A tab in a command is taken for the key, which completes names. */
  EATS_TABS,
  /** An exclamation mark in double quotes is replaced from the history. */
  EXPANDS_HISTORY,
  /** Lines are joined with {@code ;} where that is no shell, such as after {@code &}. */
  JOINS_LINES_WRONGLY,
  /** A here-document of a loop that something follows never ends. */
  LOSES_THE_HERE_DOCUMENT_OF_A_LOOP,
  /** What the command prints is searched for the prompt. */
  TAKES_OUTPUT_FOR_THE_PROMPT,
  /** {@code $?} is that of its own bookkeeping. */
  FORGETS_THE_LAST_EXIT_CODE,
  /** A timeout's failure does not carry what was printed until then. */
  LOSES_PARTIAL_OUTPUT,
  /** After the timeout of an executed line its programs run on. */
  LEAVES_PROCESSES_AFTER_A_TIMEOUT,
  /** A file is read with its CR LF as LF. */
  CHANGES_LINE_ENDS,
  /** Uploaded folders lose their modes. */
  LOSES_MODES,
  /** Asking for the exit code after an expected string types into the program that reads. */
  TYPES_INTO_THE_PROGRAM,
  /** {@code exit 3} in a session is a failure, without its output and its exit code. */
  FAILS_AT_THE_END_OF_THE_SHELL
}
