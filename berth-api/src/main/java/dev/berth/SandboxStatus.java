package dev.berth;

/** The state of a sandbox. */
public enum SandboxStatus {
  /** It is coming up and cannot run commands yet. */
  STARTING,
  /** It runs commands. */
  RUNNING,
  /** It has ended, or was stopped. */
  STOPPED,
  /** It is there, but cannot run commands any more. */
  ERROR,
  /** Whether it is there could not be found out. */
  UNKNOWN
}
