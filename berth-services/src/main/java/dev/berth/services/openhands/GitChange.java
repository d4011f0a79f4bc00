package dev.berth.services.openhands;

/**
 * A file that differs from the repository's last commit.
 *
 * @param path relative to the folder that was asked about
 */
public record GitChange(Status status, String path) {
  /** In which way it differs. */
  public enum Status {
    ADDED,
    UPDATED,
    DELETED,
    MOVED,
    /** One that this client does not know. */
    OTHER
  }
}
