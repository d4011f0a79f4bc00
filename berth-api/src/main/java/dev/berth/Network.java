package dev.berth;

/** The network that a sandbox sees. */
public enum Network {
  /** The host's own. */
  HOST,
  /** Loopback alone; outside endpoints and declared ports still work, through the guest. */
  NONE
}
