package dev.berth.spi;

/**
 * One thing that was looked at on the host.
 *
 * @param subject what was looked at, in a few words
 * @param observation what was found
 * @param remedy what to do about it; empty when all is well
 */
public record Finding(String subject, Level level, String observation, String remedy) {
  /** How much it matters. */
  public enum Level {
    /** As it should be. */
    OK,
    /** Something is missing that only some sandboxes need. */
    WARNING,
    /** No sandbox of this provider can run. */
    FAILURE
  }
}
