package dev.berth.services.openhands;

import java.util.Map;

/** When an agent asks before it acts. */
public enum ConfirmationPolicy {
  NEVER(Map.of("kind", "NeverConfirm")),
  ALWAYS(Map.of("kind", "AlwaysConfirm")),
  /** Before actions of high risk, and of unknown risk. */
  RISKY(Map.of("kind", "ConfirmRisky", "threshold", "HIGH", "confirm_unknown", true));

  private final Map<String, Object> json;

  ConfirmationPolicy(Map<String, Object> json) {
    this.json = json;
  }

  Map<String, Object> json() {
    return json;
  }
}
