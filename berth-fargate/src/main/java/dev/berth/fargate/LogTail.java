package dev.berth.fargate;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudwatchlogs.model.OutputLogEvent;

/** The last lines that a task's containers logged, for messages. */
final class LogTail {
  private static final int LINES = 20;
  private static final int LONGEST = 1500;
  private static final int LONGEST_LINE = 400;
  private static final Duration LATE = Duration.ofSeconds(3);
  private static final Duration PAUSE = Duration.ofMillis(300);

  /** Control characters, breaks of lines, and what turns the direction of writing. */
  private static final String UNFIT =
      "[\\p{Cntrl}\\x{80}-\\x{9f}\\x{2028}-\\x{202e}\\x{2066}-\\x{2069}]";

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
        text.append(block(container, events.stream().map(OutputLogEvent::message).toList()));
      } catch (SdkException e) {
        // The log is a help for whoever reads the message, and no matter of its own.
      }
    }
    return text.toString();
  }

  /**
   * The last lines of one container that fit, below a heading. What a container prints is
   * anybody's: no line of it can look like a heading, or do anything to a terminal.
   */
  static String block(String container, List<String> messages) {
    Deque<String> lines = new ArrayDeque<>();
    int length = 0;
    for (int i = messages.size() - 1; i >= 0; i--) {
      String line = clean(messages.get(i));
      length += line.length();
      if (length > LONGEST) {
        break;
      }
      lines.addFirst(line);
    }
    return lines.isEmpty()
        ? ""
        : "\nThe container " + container + " logged:" + String.join("", lines);
  }

  private static String clean(String message) {
    String text = message.stripTrailing();
    String cut = text.length() > LONGEST_LINE ? text.substring(0, LONGEST_LINE) + " …" : text;
    return "\n  " + cut.replace('\t', ' ').replaceAll(UNFIT, "\ufffd");
  }
}
