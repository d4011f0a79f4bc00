package dev.berth.fargate;

import java.util.List;
import java.util.Locale;

/**
 * What ECS says only in words. Decisions that can be made on nothing better are made here, and
 * nowhere else; the texts are those of the ECS developer guide and of its API reference.
 */
final class EcsTexts {
  private static final List<String> THROTTLED =
      List.of(
          "throttl",
          "rate exceeded",
          "too many requests",
          "requestlimitexceeded",
          "slow down",
          "toomanyrequests",
          "request rate is too high");

  private static final List<String> NO_ROOM =
      List.of(
          "capacity is unavailable at this time",
          "the service was unable to place a task",
          "concurrent tasks has been reached",
          "concurrent vcpus",
          "limit on the number of tasks",
          "try again later");

  /** As a failure's reason begins, and only there: a refusal names its resource, too. */
  private static final String NO_RESOURCE = "resource:";

  private static final List<String> INACTIVE =
      List.of("taskdefinition is inactive", "task definition is inactive");

  private static final List<String> MISSING_DEFINITION =
      List.of("unable to describe task definition");

  private static final List<String> UNCONFIGURED =
      List.of("unable to load region", "unable to load credentials");

  private EcsTexts() {}

  /**
   * Whether an error of whatever kind is a throttling in disguise: ECS calls others to start a
   * task, and hands their throttling on as text.
   */
  static boolean throttled(String text) {
    return has(text, THROTTLED);
  }

  /** Whether a task found no room for now: another try later may find some. */
  static boolean noRoom(String text) {
    return has(text, NO_ROOM);
  }

  /** The same of a failure's reason, as ECS answers it instead of a task. */
  static boolean noRoomBecause(String reason) {
    return noRoom(reason) || reason.toLowerCase(Locale.ROOT).startsWith(NO_RESOURCE);
  }

  /** Whether somebody has deregistered the definition meanwhile. */
  static boolean inactiveDefinition(String text) {
    return has(text, INACTIVE);
  }

  /** Whether there is no definition of the family that was asked for. */
  static boolean missingDefinition(String text) {
    return has(text, MISSING_DEFINITION);
  }

  /** Whether the SDK found no region or no credentials on this host. */
  static boolean unconfigured(String text) {
    return has(text, UNCONFIGURED);
  }

  private static boolean has(String text, List<String> markers) {
    String lower = text.toLowerCase(Locale.ROOT);
    return markers.stream().anyMatch(lower::contains);
  }
}
