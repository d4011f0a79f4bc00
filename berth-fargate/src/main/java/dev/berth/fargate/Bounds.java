package dev.berth.fargate;

import dev.berth.RequestException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the keys of a configuration have to keep to; each names what is allowed. */
final class Bounds {
  /** Those of CodeBuild on which Docker runs, without reserved capacity. */
  private static final List<String> COMPUTE_TYPES =
      List.of(
          "BUILD_GENERAL1_SMALL",
          "BUILD_GENERAL1_MEDIUM",
          "BUILD_GENERAL1_LARGE",
          "BUILD_GENERAL1_XLARGE",
          "BUILD_GENERAL1_2XLARGE");

  private Bounds() {}

  static void port(String key, @Nullable Integer port) {
    if (port != null) {
      within(key, port, 1, 65535);
    }
  }

  static void within(String key, int value, int least, int most) {
    if (value < least || value > most) {
      throw new RequestException(
          "Tried to set " + key + " to " + value + "; it must be " + least + " to " + most + ".");
    }
  }

  static void above(String key, Duration value) {
    if (value.isZero() || value.isNegative() || value.compareTo(Duration.ofDays(365)) > 0) {
      throw new RequestException(
          "Tried to set " + key + " to " + value + "; it must be above zero, and a year at most.");
    }
  }

  static void buildTimeout(Duration value) {
    if (value.compareTo(Duration.ofMinutes(5)) < 0
        || value.compareTo(Duration.ofHours(36)) > 0
        || !value.equals(Duration.ofMinutes(value.toMinutes()))) {
      throw new RequestException(
          "Tried to set codebuild_build_timeout to "
              + value
              + "; CodeBuild takes whole minutes, 5 to 2160.");
    }
  }

  static void computeType(String value) {
    if (!COMPUTE_TYPES.contains(value)) {
      throw new RequestException(
          "Tried to set codebuild_compute_type to '"
              + value
              + "'; it must be one of "
              + String.join(", ", COMPUTE_TYPES)
              + ".");
    }
  }

  static void name(String key, String value) {
    if (!value.matches("[A-Za-z0-9_-]{1,255}")) {
      throw new RequestException(
          "Tried to set "
              + key
              + " to '"
              + value
              + "'; ECS takes 1 to 255 letters, digits, - and _.");
    }
  }
}
