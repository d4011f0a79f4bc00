package dev.berth.fargate.images;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudwatchlogs.model.GetLogEventsResponse;
import software.amazon.awssdk.services.cloudwatchlogs.model.ResourceNotFoundException;
import software.amazon.awssdk.services.codebuild.model.Build;
import software.amazon.awssdk.services.codebuild.model.LogsLocation;

/** The log of one build in CloudWatch, read on from where it was read last. One thread's. */
final class BuildLog {
  private static final int MOST_PAGES = 20;
  private static final int LAST_LOOKS = 6;
  private static final Duration LAST_PAUSE = Duration.ofSeconds(1);

  private final BuildClients clients;
  private final Consumer<String> progress;
  private final Lines lines = new Lines();
  private @Nullable String token;
  private boolean unreadable;

  /** There is more than one look takes. */
  private boolean behind;

  BuildLog(BuildClients clients, Consumer<String> progress) {
    this.clients = clients;
    this.progress = progress;
  }

  /** Hands on what is new. Whether there was something. */
  boolean advance(Build build) throws InterruptedException {
    LogsLocation place = build.logs();
    if (place == null || place.groupName() == null || place.streamName() == null || unreadable) {
      return false;
    }
    boolean something = false;
    behind = false;
    try {
      for (int pages = 0; pages < MOST_PAGES; pages++) {
        GetLogEventsResponse page = page(place, true, token);
        token = page.nextForwardToken();
        if (page.events().isEmpty()) {
          break;
        }
        something = true;
        behind = pages == MOST_PAGES - 1;
        page.events().forEach(event -> lines.add(event.message()).forEach(progress));
      }
    } catch (ResourceNotFoundException e) {
      // Nothing was logged yet.
      return something;
    } catch (SdkException e) {
      // The log is a help for people; whether the image comes does not hang on it.
      unreadable = !Calls.passes(e);
      if (unreadable) {
        progress.accept("the build's log cannot be read: " + e.getMessage());
      }
    }
    return something;
  }

  /** The last lines of a build that is over; CloudWatch has them some seconds later. */
  List<String> tail(Build build) throws InterruptedException {
    boolean quiet = false;
    for (int looks = 0; looks < LAST_LOOKS && !unreadable; looks++) {
      boolean something = advance(build);
      if (behind) {
        return end(build.logs());
      }
      if (!something && quiet && !lines.tail().isEmpty()) {
        break;
      }
      quiet = !something;
      Calls.pause(LAST_PAUSE);
    }
    return lines.tail();
  }

  /** The last lines of a log that has more than can be read to its end. */
  private List<String> end(LogsLocation place) throws InterruptedException {
    Lines last = new Lines();
    try {
      page(place, false, null).events().forEach(event -> last.add(event.message()));
    } catch (SdkException e) {
      progress.accept("the end of the build's log cannot be read: " + e.getMessage());
    }
    return last.tail().isEmpty() ? lines.tail() : last.tail();
  }

  private GetLogEventsResponse page(LogsLocation place, boolean fromHead, @Nullable String after)
      throws InterruptedException {
    return Calls.of(() ->
        clients
            .logs()
            .getLogEvents(ask ->
                ask.logGroupName(place.groupName())
                    .logStreamName(place.streamName())
                    .startFromHead(fromHead)
                    .nextToken(after)));
  }
}
