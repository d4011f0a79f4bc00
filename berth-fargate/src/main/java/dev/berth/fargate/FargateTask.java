package dev.berth.fargate;

import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The ability to look at the ECS task that carries a sandbox: {@code
 * sandbox.ability(FargateTask.class)}. Thread-safe.
 */
public interface FargateTask {
  /**
   * A task at one moment.
   *
   * @param status in ECS's words, such as PENDING, RUNNING or STOPPED
   * @param stopReason why it ended; null while it has not
   * @param containers a line for each container that says something of its start or end
   */
  record Description(
      String arn, String status, @Nullable String stopReason, List<String> containers) {
    /** Copies. */
    public Description {
      containers = List.copyOf(containers);
    }
  }

  /** The task's ARN. */
  String taskArn();

  /** Its address, as this host reaches it. */
  String taskIp();

  /** What ECS says of it now; its status is GONE if ECS has forgotten it. */
  Description describeTask();

  /** The port of this host's loopback that leads to the agent server; empty in exec-server mode. */
  OptionalInt localPort();

  /** The port of the task's loopback that leads to the model; empty in exec-server mode. */
  OptionalInt modelTunnelPort();
}
