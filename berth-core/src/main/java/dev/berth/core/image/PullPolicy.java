package dev.berth.core.image;

import dev.berth.RequestException;
import java.util.Locale;

/** When an image is fetched. */
public enum PullPolicy {
  /** Only what is in the store is used. */
  NEVER,
  /** What is not in the store is fetched. */
  MISSING,
  /** It is fetched each time. Who uses the old one keeps it. */
  ALWAYS;

  /** Reads {@code never}, {@code missing} or {@code always}. */
  public static PullPolicy parse(String text) {
    for (PullPolicy policy : values()) {
      if (policy.name().toLowerCase(Locale.ROOT).equals(text)) {
        return policy;
      }
    }
    throw new RequestException(
        "Tried to use the pull policy '" + text + "'; allowed are never, missing and always.");
  }
}
