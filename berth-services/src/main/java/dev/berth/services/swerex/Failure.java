package dev.berth.services.swerex;

/**
 * Why a runtime's call failed: all kinds there are. What a server names beyond these is {@link
 * #OTHER}; no class is ever made by a name that came from a sandbox.
 */
public enum Failure {
  /** The session's shell has not started, or has ended. */
  SESSION_NOT_INITIALIZED,
  SESSION_EXISTS,
  SESSION_DOES_NOT_EXIST,
  /** A command that was to be checked ended with another code than 0. */
  NON_ZERO_EXIT_CODE,
  /** The shell cannot parse the command; nothing of it ran. */
  INCORRECT_SYNTAX,
  COMMAND_TIMEOUT,
  /** The command ended but its exit code could not be had. */
  NO_EXIT_CODE,
  /** A file could not be read, written or copied. */
  FILE,
  DEPLOYMENT_NOT_STARTED,
  DEPLOYMENT_STARTUP,
  PULL_FAILED,
  /** The key was refused. */
  UNAUTHORIZED,
  /** The sandbox or its server is gone, or what it sends is not its protocol. */
  UNREACHABLE,
  /** A failure of the server that is none of these; its message says more. */
  OTHER
}
