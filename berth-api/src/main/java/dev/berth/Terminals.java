package dev.berth;

/**
 * The ability to run commands on a pseudo-terminal. A terminal is a background command: it survives
 * the loss of its caller and can be {@linkplain Sandbox#attach attached} again by id, with replay.
 * For the same without a terminal, with stderr apart ("pipe mode"), see {@link
 * Sandbox#startBackground}.
 */
public interface Terminals {
  /**
   * Starts a command on a terminal of this size. Its output, stderr included, comes on stdout.
   * {@link SandboxProcess#resize} and {@link SandboxProcess#signal} reach the foreground job.
   *
   * @throws PtyException if no terminal could be had in the sandbox
   */
  SandboxProcess open(Command command, TerminalSize size) throws InterruptedException;

  /**
   * The same for a command that belongs to its caller, as with {@link Sandbox#start}: closing the
   * process kills it, so does the loss of this host, and nothing of it is kept for others.
   *
   * @throws PtyException if no terminal could be had in the sandbox
   */
  SandboxProcess start(Command command, TerminalSize size) throws InterruptedException;
}
