package dev.berth.fargate;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ecs.model.Attachment;
import software.amazon.awssdk.services.ecs.model.Container;
import software.amazon.awssdk.services.ecs.model.KeyValuePair;
import software.amazon.awssdk.services.ecs.model.Tag;
import software.amazon.awssdk.services.ecs.model.Task;

/**
 * What ECS says of a task at one moment.
 *
 * @param status its last status, such as PENDING or RUNNING
 * @param wanted its desired status: STOPPED as soon as it is to end
 * @param address of its network interface in the VPC; null before it has one
 * @param interfaceId the network interface's id; null before it has one
 * @param stopReason why it ended, in ECS's words; null while it has not
 * @param containers a line for each container that says something of its end or its start
 */
record TaskState(
    String arn,
    String status,
    String wanted,
    @Nullable String address,
    @Nullable String interfaceId,
    @Nullable String stopCode,
    @Nullable String stopReason,
    List<String> containers,
    Map<String, String> tags,
    @Nullable Instant created,
    @Nullable String definition) {
  static TaskState of(Task task) {
    List<String> containers = new ArrayList<>();
    for (Container container : task.containers()) {
      String code = container.exitCode() == null ? "" : " exit code " + container.exitCode();
      String reason = container.reason() == null ? "" : " " + container.reason();
      if (!code.isEmpty() || !reason.isEmpty()) {
        containers.add(container.name() + ":" + code + reason);
      }
    }
    return new TaskState(
        task.taskArn(),
        String.valueOf(task.lastStatus()),
        String.valueOf(task.desiredStatus()),
        detail(task, "privateIPv4Address"),
        detail(task, "networkInterfaceId"),
        task.stopCodeAsString(),
        task.stoppedReason(),
        containers,
        task.tags().stream().collect(Collectors.toMap(Tag::key, Tag::value, (a, b) -> a)),
        task.createdAt(),
        task.taskDefinitionArn());
  }

  private static @Nullable String detail(Task task, String name) {
    for (Attachment attachment : task.attachments()) {
      for (KeyValuePair pair : attachment.details()) {
        if (name.equals(pair.name())) {
          return pair.value();
        }
      }
    }
    return null;
  }

  /** Whether it runs no more, or is about to end. */
  boolean over() {
    return wanted.equals("STOPPED") || status.equals("STOPPED");
  }

  /** Whether nothing of it is left to come. */
  boolean stopped() {
    return status.equals("STOPPED");
  }

  /** Why it ended, for messages. */
  String why() {
    StringBuilder text = new StringBuilder("its task ");
    text.append(stopped() ? "has stopped" : "is stopping");
    if (stopCode != null || stopReason != null) {
      text.append(" (");
      text.append(
          String.join(
              ": ",
              java.util.stream.Stream.of(stopCode, stopReason)
                  .filter(java.util.Objects::nonNull)
                  .toList()));
      text.append(")");
    }
    if (!containers.isEmpty()) {
      text.append("; ").append(String.join("; ", containers));
    }
    return text.toString();
  }
}
