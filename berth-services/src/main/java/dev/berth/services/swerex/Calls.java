package dev.berth.services.swerex;

import dev.berth.services.http.CallException;
import dev.berth.services.http.Json;
import dev.berth.services.http.JsonClient;
import dev.berth.services.http.Reply;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Calls of a swe-rex server, and what is done when an answer is lost. Thread-safe. */
final class Calls {
  /** How often a lost answer is asked for. */
  private static final int MOST = 3;

  private static final Duration PAUSE = Duration.ofMillis(100);

  /** As long as there is: a command of hours is not cut. */
  private static final Duration FOR_EVER = Duration.ofDays(365);

  /** JSON that is no request of any call: a server that does not know the id refuses it. */
  private static final Object NOTHING = List.of();

  private final JsonClient client;

  Calls(JsonClient client) {
    // The real server closes a connection after each failure, and does not say so.
    this.client = client.limitedTo(Json.MOST_BYTES).withFreshConnections();
  }

  Reply get(String path, Duration within) throws CallException, InterruptedException {
    return client.get(path, within);
  }

  /**
   * A call that must not run twice. If its answer is lost, only its id is sent again.
   *
   * @param within how long the answer may take; null for ever
   */
  JsonNode once(String call, @Nullable Object body, @Nullable Duration within)
      throws InterruptedException {
    return send(call, body, NOTHING, within == null ? FOR_EVER : within);
  }

  /** A call that does no more if it runs twice. */
  JsonNode again(String call, Object body, Duration within) throws InterruptedException {
    return send(call, body, body, within);
  }

  private JsonNode send(String call, @Nullable Object first, Object then, Duration within)
      throws InterruptedException {
    Map<String, String> id = Map.of("X-Request-ID", UUID.randomUUID().toString());
    CallException lost = null;
    for (int i = 0; i < MOST; i++) {
      try {
        Reply reply = client.call("POST", "/" + call, i == 0 ? first : then, id, within);
        if (lost != null && then == NOTHING && reply.status() == 422) {
          throw unreachable(
              "Tried to call "
                  + call
                  + ", but its answer was lost and the server does not have it any more; it may have"
                  + " run or not",
              lost);
        }
        return Wire.answer(call, reply);
      } catch (CallException.Unreachable e) {
        if (nobody(e)) {
          throw unreachable("Tried to call " + call + ", but nobody listens there", e);
        }
        lost = e;
      } catch (CallException e) {
        throw failure(call, e);
      }
      Thread.sleep(PAUSE.multipliedBy(1L << i));
    }
    throw unreachable("Tried to call " + call + " and " + MOST + " answers were lost", lost);
  }

  /** Sends a file with a form; a second time does no more than one. */
  void upload(Path file, Map<String, String> fields, Duration within) throws InterruptedException {
    try {
      Wire.answer("upload", client.upload("/upload", fields, "file", file, within));
    } catch (CallException e) {
      throw failure("upload", e);
    } catch (IOException e) {
      throw new SwerexException(
          Failure.FILE, "Tried to upload " + file + ", but " + e.getMessage() + ".", "", e);
    }
  }

  static SwerexException failure(String call, CallException e) {
    return switch (e) {
      case CallException.TooLarge large ->
          new SwerexException(
              call.equals("read_file") ? Failure.FILE : Failure.OTHER,
              "Tried to call " + call + ", but the answer is too large: " + large.getMessage(),
              "",
              e);
      default -> unreachable("Tried to call " + call, e);
    };
  }

  private static SwerexException unreachable(String tried, @Nullable CallException e) {
    return new SwerexException(
        Failure.UNREACHABLE, tried + (e == null ? "." : ": " + e.getMessage()), "", e);
  }

  /** Whether the call was never sent. */
  private static boolean nobody(CallException.Unreachable e) {
    for (Throwable each = e.getCause(); each != null; each = each.getCause()) {
      if (each instanceof ConnectException || each instanceof HttpConnectTimeoutException) {
        return true;
      }
    }
    return false;
  }
}
