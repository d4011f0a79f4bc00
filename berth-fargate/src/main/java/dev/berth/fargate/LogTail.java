package dev.berth.fargate;

import java.time.Duration;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudwatchlogs.model.OutputLogEvent;

/** The last lines that a task's containers logged, for messages. */
final class LogTail {
  private static final int LINES = 20;
  private static final int LONGEST = 3000;
  private static final Duration LATE = Duration.ofSeconds(3);
  private static final Duration PAUSE = Duration.ofMillis(300);

  private LogTail() {}

  static String prefix(FargateConfig config) {
    String prefix = config.logStreamPrefix();
    return prefix == null ? config.taskDefinitionFamilyPrefix() : prefix;
  }

  /**
   * A block of lines for each container that logged; empty if there is none, or it cannot be read.
   * The last words of a task that has {@code ended} take a moment to arrive, for which it waits.
   */
  static String of(FargateConfig config, Aws aws, String taskArn, boolean ended)
      throws InterruptedException {
    String group = config.logGroup();
    if (group == null) {
      return "";
    }
    long deadline = System.nanoTime() + (ended ? LATE.toNanos() : 0);
    while (true) {
      String text = now(config, aws, group, taskArn);
      if (!text.isEmpty() || System.nanoTime() - deadline >= 0) {
        return text;
      }
      Thread.sleep(PAUSE);
    }
  }

  private static String now(FargateConfig config, Aws aws, String group, String taskArn) {
    String task = taskArn.substring(taskArn.lastIndexOf('/') + 1);
    StringBuilder text = new StringBuilder();
    for (String container : List.of(config.containerName(), TaskDefinitions.SIDECAR)) {
      String stream = prefix(config) + "/" + container + "/" + task;
      try {
        List<OutputLogEvent> events =
            aws.logs()
                .getLogEvents(ask ->
                    ask.logGroupName(group).logStreamName(stream).limit(LINES).startFromHead(false))
                .events();
        if (!events.isEmpty()) {
          text.append("\nThe container ").append(container).append(" logged:");
          events.forEach(event -> text.append("\n  ").append(event.message().stripTrailing()));
        }
      } catch (SdkException e) {
        // The log is a help for whoever reads the message, and no matter of its own.
      }
    }
    return text.length() > LONGEST ? text.substring(text.length() - LONGEST) : text.toString();
  }
}
