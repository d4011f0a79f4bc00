package dev.berth.services.openhands;

/** Whether a server's process still runs. */
@FunctionalInterface
interface Liveness {
  /** Of a server whose process is not ours. */
  Liveness UNKNOWN = () -> {};

  /** Does nothing if it runs as far as is known, else throws what is known of its end. */
  void check() throws InterruptedException;
}
