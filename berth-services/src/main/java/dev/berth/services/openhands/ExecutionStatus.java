package dev.berth.services.openhands;

import java.util.Locale;
import tools.jackson.databind.JsonNode;

/** What a conversation's agent is doing. */
public enum ExecutionStatus {
  /** Waits for a message or for its first run. */
  IDLE,
  RUNNING,
  /** Was paused or interrupted; a run goes on. */
  PAUSED,
  /** Wants to do something that has to be accepted or rejected first. */
  WAITING_FOR_CONFIRMATION,
  /** Has done what it was told. */
  FINISHED,
  /** Has failed. */
  ERROR,
  /** Repeats itself. */
  STUCK,
  DELETING,
  /** One that this client does not know. */
  UNKNOWN;

  static ExecutionStatus read(JsonNode text) {
    String name = Shapes.text(text).toUpperCase(Locale.ROOT);
    for (ExecutionStatus each : values()) {
      if (each.name().equals(name)) {
        return each;
      }
    }
    return UNKNOWN;
  }
}
