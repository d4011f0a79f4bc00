package dev.berth.services.openhands;

import dev.berth.services.http.CallException;
import dev.berth.services.http.JsonClient;
import dev.berth.services.http.Reply;
import dev.berth.services.openhands.OpenHandsException.Failure;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Calls to one agent server, with its key; failures in this package's terms. Thread-safe. */
final class Calls {
  /** For calls that do little; those that last get their deadline from the caller. */
  static final Duration SOON = Duration.ofSeconds(60);

  private static final int MOST_DETAIL = 500;
  private static final int MOST_ANSWER = 64 << 20;

  private final URI base;
  private final String key;
  private final Liveness liveness;
  private final JsonClient client;

  Calls(URI base, String key, Liveness liveness) {
    this.base = base;
    this.key = key;
    this.liveness = liveness;
    Map<String, String> headers = key.isEmpty() ? Map.of() : Map.of("X-Session-API-Key", key);
    this.client = new JsonClient(base, headers).limitedTo(MOST_ANSWER);
  }

  /** What the WebSocket's first frame carries; empty for a server that wants none. */
  String key() {
    return key;
  }

  Liveness liveness() {
    return liveness;
  }

  /** The address of a WebSocket. */
  URI socket(String path) {
    String scheme = "https".equals(base.getScheme()) ? "wss" : "ws";
    return URI.create(scheme + "://" + base.getRawAuthority() + path);
  }

  JsonNode get(String path, Map<String, String> query, Duration within)
      throws InterruptedException {
    return json("GET", JsonClient.path(path, query), null, within);
  }

  JsonNode post(String path, @Nullable Object body, Duration within) throws InterruptedException {
    return json("POST", path, body, within);
  }

  /** Any call; statuses beyond 2xx and these are failures. */
  Reply call(String method, String path, @Nullable Object body, Set<Integer> taken, Duration within)
      throws InterruptedException {
    return checked(
        method + " " + bare(path), taken, () -> client.call(method, path, body, Map.of(), within));
  }

  /** A call of the client, its failures translated. */
  Reply checked(String call, Set<Integer> taken, Call<Reply> asked) throws InterruptedException {
    Reply reply = translated(call, asked);
    if (!reply.ok() && !taken.contains(reply.status())) {
      throw refused(call, reply);
    }
    return reply;
  }

  JsonClient client() {
    return client;
  }

  private JsonNode json(String method, String path, @Nullable Object body, Duration within)
      throws InterruptedException {
    Reply reply = call(method, path, body, Set.of(), within);
    return translated(method + " " + bare(path), reply::json);
  }

  /** Something that may fail as calls do. */
  interface Call<T> {
    T make() throws IOException, InterruptedException;
  }

  <T> T translated(String call, Call<T> asked) throws InterruptedException {
    try {
      return asked.make();
    } catch (CallException e) {
      throw failure(call, e);
    } catch (IOException e) {
      throw new OpenHandsException(
          Failure.UNREACHABLE, "Tried to " + call + ", but " + e.getMessage() + ".", e);
    }
  }

  private RuntimeException failure(String call, CallException e) throws InterruptedException {
    return switch (e) {
      case CallException.Refused refused -> refused(call, refused.reply());
      case CallException.Unreachable unreachable -> {
        liveness.check();
        yield new OpenHandsException(Failure.UNREACHABLE, tried(unreachable), unreachable);
      }
      case CallException.TimedOut late ->
          new OpenHandsException(Failure.TIMED_OUT, tried(late), late);
      case CallException.TooLarge large ->
          new OpenHandsException(Failure.MALFORMED, tried(large), large);
      case CallException.NotJson wrong ->
          new OpenHandsException(Failure.MALFORMED, tried(wrong), wrong);
      default -> throw new AssertionError(e);
    };
  }

  private String tried(CallException e) {
    return "Tried to call the agent server, but " + masked(String.valueOf(e.getMessage()));
  }

  private OpenHandsException refused(String call, Reply reply) {
    int status = reply.status();
    Failure failure =
        switch (status) {
          case 401, 403 -> Failure.UNAUTHORIZED;
          case 404 -> Failure.NOT_FOUND;
          case 409, 429 -> Failure.BUSY;
          default -> status / 100 == 4 ? Failure.REFUSED : Failure.SERVER;
        };
    return new OpenHandsException(
        failure,
        "Tried to call the agent server, but "
            + call
            + " was answered with status "
            + status
            + masked(detail(reply))
            + ".");
  }

  /**
   * What the server says is wrong. A rejected body comes back in its answer, keys and all: so only
   * where and why.
   */
  private static String detail(Reply reply) {
    JsonNode detail;
    try {
      detail = reply.json().path("detail");
    } catch (CallException e) {
      return "";
    }
    StringBuilder text = new StringBuilder();
    if (detail.isString()) {
      text.append(": ").append(detail.stringValue());
    }
    for (JsonNode each : detail) {
      if (!detail.isArray() || text.length() > MOST_DETAIL) {
        break;
      }
      text.append(text.isEmpty() ? ": " : "; ");
      each.path("loc").forEach(part -> text.append(part.asString("?")).append(' '));
      text.append(Shapes.text(each.path("msg")));
    }
    return text.length() > MOST_DETAIL ? text.substring(0, MOST_DETAIL) + "…" : text.toString();
  }

  private String masked(String text) {
    return key.isEmpty() ? text : text.replace(key, "***");
  }

  private static String bare(String path) {
    int query = path.indexOf('?');
    return query < 0 ? path : path.substring(0, query);
  }
}
