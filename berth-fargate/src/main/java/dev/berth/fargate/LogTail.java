package dev.berth.fargate;

import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudwatchlogs.model.OutputLogEvent;

/** The last lines that a task's containers logged, for messages. */
final class LogTail {
  private static final int LINES = 20;
  private static final int LONGEST = 3000;

  private LogTail() {}

  static String prefix(FargateConfig config) {
    String prefix = config.logStreamPrefix();
    return prefix == null ? config.taskDefinitionFamilyPrefix() : prefix;
  }

  /**
   * A block of lines for each container that logged; empty if there is none, or it cannot be read.
   */
  static String of(FargateConfig config, Aws aws, String taskArn) {
    String group = config.logGroup();
    if (group == null) {
      return "";
    }
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
