package dev.berth.testkit;

/**
 * What a provider, configured as it is under test, can do. Where one is missing, the contract
 * asserts the documented refusal instead.
 */
public enum Trait {
  /**
   * The sandbox sees none of the host's files, processes and environment unless asked to: it has
   * file systems and a pid namespace of its own.
   */
  ISOLATED,
  /** {@link dev.berth.Network#NONE} works. */
  NETWORK_NONE,
  /** A command can be user {@code root}, with uid 0 as it sees it. */
  ROOT_USER,
  /** A command can be any numeric user and group. */
  ANY_USER,
  /** Sandboxes have {@link dev.berth.Endpoints}. */
  ENDPOINTS,
  /** Sandboxes have {@link dev.berth.Terminals}. */
  TERMINALS,
  /** Sandboxes have {@link dev.berth.Reconnect}. */
  RECONNECT
}
