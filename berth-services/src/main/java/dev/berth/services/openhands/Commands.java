package dev.berth.services.openhands;

import dev.berth.OutputSink.Channel;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Runs commands by the agent server's shell: starts them, and follows their events page by page
 * until the one with the exit code. One event holds up to 1 MiB of output, so that pages are small.
 */
final class Commands {
  private static final int PAGE = 8;
  private static final Duration BACKSTOP = Duration.ofSeconds(10);
  private static final long LEAST_PAUSE_MILLIS = 5;
  private static final long MOST_PAUSE_MILLIS = 100;

  private final Calls calls;

  Commands(Calls calls) {
    this.calls = calls;
  }

  CommandResult execute(
      CommandRequest request, String workingDir, BiConsumer<Channel, String> output)
      throws InterruptedException {
    long seconds = Math.max(1, request.timeout().plusMillis(999).toSeconds());
    long deadline = System.nanoTime() + Duration.ofSeconds(seconds).plus(BACKSTOP).toNanos();
    String directory = request.directory() == null ? workingDir : request.directory();
    JsonNode command =
        calls.post(
            "/api/bash/start_bash_command",
            Map.of("command", request.command(), "cwd", directory, "timeout", seconds),
            Calls.SOON);
    Following following =
        new Following(Shapes.id(command, "start_bash_command"), request.outputLimit(), output);
    boolean ended = false;
    try {
      long pause = LEAST_PAUSE_MILLIS;
      while (!following.read(deadline)) {
        if (System.nanoTime() - deadline >= 0) {
          return following.result(request.command(), -1, true, seconds);
        }
        TimeUnit.MILLISECONDS.sleep(pause);
        pause = Math.min(2 * pause, MOST_PAUSE_MILLIS);
      }
      ended = true;
      int exitCode = following.exitCode == null ? -1 : following.exitCode;
      // The server's own word for it is a code that no command has; its log alone says why.
      boolean late =
          exitCode == -1 && System.nanoTime() - following.began >= seconds * 1_000_000_000;
      return following.result(request.command(), exitCode, late, seconds);
    } finally {
      if (!ended) {
        stop(following.command);
      }
    }
  }

  /** Nobody waits for it any more. */
  private void stop(String command) throws InterruptedException {
    boolean interrupted = Thread.interrupted();
    try {
      calls.post("/api/bash/bash_commands/" + command + "/stop", null, Duration.ofSeconds(5));
    } catch (RuntimeException e) {
      // It ends by its own timeout, or with its server.
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** One command's events. */
  private final class Following {
    final String command;
    final long began = System.nanoTime();
    private final int limit;
    private final BiConsumer<Channel, String> output;
    private final StringBuilder stdout = new StringBuilder();
    private final StringBuilder stderr = new StringBuilder();
    private boolean truncated;
    private long order = -1;
    private String timestamp = "";
    @Nullable Integer exitCode;

    Following(String command, int limit, BiConsumer<Channel, String> output) {
      this.command = command;
      this.limit = limit;
      this.output = output;
    }

    /**
     * Takes what is there, and says whether that was all. Only what is as young as the last event
     * is asked for: the server would read all of the others again.
     */
    boolean read(long deadline) throws InterruptedException {
      String since = timestamp;
      String page = null;
      do {
        Map<String, String> query = new LinkedHashMap<>();
        query.put("command_id__eq", command);
        query.put("kind__eq", "BashOutput");
        query.put("sort_order", "TIMESTAMP");
        query.put("limit", Integer.toString(PAGE));
        if (!since.isEmpty()) {
          query.put("timestamp__gte", since);
        }
        if (page != null) {
          query.put("page_id", page);
        }
        JsonNode found = calls.get("/api/bash/bash_events/search", query, Calls.SOON);
        List<JsonNode> items = Shapes.items(found, PAGE, "bash_events/search");
        items.forEach(this::take);
        String next = Shapes.nextPage(found);
        if (next != null && (items.isEmpty() || next.equals(page))) {
          throw Shapes.wrong("bash_events/search", "a page that leads nowhere");
        }
        page = next;
      } while (page != null && exitCode == null && System.nanoTime() - deadline < 0);
      return exitCode != null;
    }

    private void take(JsonNode event) {
      long at = event.path("order").asLong(-1);
      if (at <= order || !Shapes.text(event.path("command_id")).equals(command)) {
        return;
      }
      if (at != order + 1) {
        throw Shapes.wrong("bash_events/search", "event " + at + " after event " + order);
      }
      order = at;
      timestamp = Shapes.text(event.path("timestamp"));
      keep(stdout, Channel.STDOUT, event.path("stdout"));
      keep(stderr, Channel.STDERR, event.path("stderr"));
      if (event.path("exit_code").isIntegralNumber()) {
        exitCode = event.path("exit_code").asInt();
      }
    }

    private void keep(StringBuilder to, Channel channel, JsonNode text) {
      if (!text.isString() || text.stringValue().isEmpty()) {
        return;
      }
      String part = text.stringValue();
      output.accept(channel, part);
      int room = limit - to.length();
      truncated |= part.length() > room;
      to.append(part, 0, Math.min(part.length(), room));
    }

    CommandResult result(String line, int code, boolean late, long seconds) {
      if (late) {
        stderr
            .append(stderr.isEmpty() || stderr.charAt(stderr.length() - 1) == '\n' ? "" : "\n")
            .append("Command timed out after ")
            .append(seconds)
            .append(" seconds");
      }
      return new CommandResult(line, code, stdout.toString(), stderr.toString(), late, truncated);
    }
  }
}
