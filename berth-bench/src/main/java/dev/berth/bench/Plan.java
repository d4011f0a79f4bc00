package dev.berth.bench;

/**
 * How often each thing is measured. Warm-up comes first and is not counted.
 *
 * @param warmUp rounds that are run and dropped, each with {@code perRound} operations of the quick
 *     contenders
 * @param execRounds rounds of {@code sh -c true}
 * @param perRound operations of each quick contender in a round; the slow ones do one
 * @param crowdRounds rounds of many callers at a time
 * @param crowdPeerCommands commands in one such round by one process per operation
 * @param crowdCommands commands in one such round by Berth
 * @param lifeRounds rounds of create, first command and stop
 * @param smallRounds rounds of 1 KiB up and down
 * @param largeRounds rounds of 100 MiB up and down
 * @param alive sandboxes alive at the same time
 */
record Plan(
    int warmUp,
    int execRounds,
    int perRound,
    int crowdRounds,
    int crowdPeerCommands,
    int crowdCommands,
    int lifeRounds,
    int smallRounds,
    int largeRounds,
    int alive) {
  /** Callers at a time, and the sandboxes that they share. */
  static final int CALLERS = 32;

  static final int SHARED_SANDBOXES = 8;
  static final int SMALL_BYTES = 1 << 10;
  static final int LARGE_BYTES = 100 << 20;

  /** Up to six minutes on an idle machine. */
  static final Plan FULL = new Plan(60, 120, 10, 4, 80, 4_000, 12, 40, 8, 100);

  /** Up to one minute on an idle machine. */
  static final Plan QUICK = new Plan(10, 12, 10, 1, 40, 1_000, 2, 6, 2, 12);

  /** The same with a third of the rounds. */
  Plan third() {
    return new Plan(
        warmUp / 3,
        execRounds / 3,
        perRound,
        Math.max(1, crowdRounds / 3),
        crowdPeerCommands,
        crowdCommands / 3,
        Math.max(1, lifeRounds / 3),
        Math.max(1, smallRounds / 3),
        Math.max(1, largeRounds / 3),
        alive);
  }
}
