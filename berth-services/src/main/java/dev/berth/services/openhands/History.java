package dev.berth.services.openhands;

/** Which events of a conversation a callback gets. */
public enum History {
  /** All, from its first on. */
  ALL,
  /** Those that come from now on. */
  NEW
}
