package dev.berth.services.http;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Calls to one server that may be hostile. Each has a deadline for all of it, the body included; an
 * answer is taken up to a bound; redirects are not followed. Calls are sent once, but a GET for
 * which the server has closed a kept connection is sent again: whoever wants to repeat others knows
 * whether that is safe. Thread-safe; nothing to close.
 */
public final class JsonClient {
  /** The largest answer that is taken unless the call says otherwise: 16 MiB. */
  public static final int DEFAULT_LIMIT = 16 << 20;

  private final URI base;
  private final Map<String, String> headers;
  private final int limit;

  /**
   * A client of the server there.
   *
   * @param headers sent with each call, such as a key
   */
  public JsonClient(URI base, Map<String, String> headers) {
    this(base, headers, DEFAULT_LIMIT);
  }

  private JsonClient(URI base, Map<String, String> headers, int limit) {
    this.base = base;
    this.headers = Map.copyOf(headers);
    this.limit = limit;
  }

  /** The same with another bound on answers, in bytes. */
  public JsonClient limitedTo(int bytes) {
    return new JsonClient(base, headers, bytes);
  }

  /** A path with its query, encoded. */
  public static String path(String path, Map<String, String> query) {
    return query.isEmpty()
        ? path
        : path
            + query.entrySet().stream()
                .map(each -> encode(each.getKey()) + "=" + encode(each.getValue()))
                .collect(Collectors.joining("&", "?", ""));
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  /** GET; any status is an answer. */
  public Reply get(String path, Duration within) throws CallException, InterruptedException {
    return call("GET", path, null, Map.of(), within);
  }

  /** POST of JSON; any status is an answer. */
  public Reply post(String path, Object body, Duration within)
      throws CallException, InterruptedException {
    return call("POST", path, body, Map.of(), within);
  }

  /**
   * Any call; any status is an answer.
   *
   * @param body written as JSON; null for none
   * @param more headers of this call, over the client's
   * @throws CallException if there is no whole answer within the bounds
   */
  public Reply call(
      String method, String path, @Nullable Object body, Map<String, String> more, Duration within)
      throws CallException, InterruptedException {
    HttpRequest.Builder request = request(path, more);
    if (body == null) {
      request.method(method, BodyPublishers.noBody());
    } else {
      request.header("Content-Type", "application/json");
      request.method(method, BodyPublishers.ofByteArray(Json.bytes(body)));
    }
    return send(method + " " + bare(path), request, within);
  }

  /** The status that a GET is answered with; the body is not read. */
  public int status(String path, Duration within) throws CallException, InterruptedException {
    String call = "GET " + bare(path);
    return await(
            call,
            request(path, Map.of()).GET(),
            answer -> new Bounded(OutputStream.nullOutputStream(), limit),
            limit,
            within)
        .statusCode();
  }

  /**
   * GET into a new file, streaming. On failure no file is left.
   *
   * @param to must not exist
   * @param most the largest size that is taken, in bytes
   * @throws CallException.Refused if the status is not one of 200 to 299
   */
  public long download(String path, Path to, long most, Duration within)
      throws IOException, InterruptedException {
    String call = "GET " + bare(path);
    ByteArrayOutputStream refusal = new ByteArrayOutputStream();
    boolean done = false;
    OutputStream file = Files.newOutputStream(to, StandardOpenOption.CREATE_NEW);
    try (file) {
      HttpResponse<OutputStream> answer =
          await(
              call,
              request(path, Map.of()).GET(),
              head ->
                  head.statusCode() / 100 == 2
                      ? new Bounded(file, most)
                      : new Bounded(refusal, limit),
              most,
              within);
      if (answer.statusCode() / 100 != 2) {
        new Reply(call, answer.statusCode(), answer.headers(), refusal.toByteArray()).orThrow();
      }
      done = true;
    } finally {
      if (!done) {
        Files.deleteIfExists(to);
      }
    }
    return Files.size(to);
  }

  /**
   * POST of a form with one file, streamed from the disk.
   *
   * @param fields the other fields of the form
   * @param name the file's field
   */
  public Reply upload(
      String path, Map<String, String> fields, String name, Path file, Duration within)
      throws IOException, InterruptedException {
    Multipart form = new Multipart(fields, name, file);
    HttpRequest.Builder request =
        request(path, Map.of("Content-Type", form.contentType())).POST(form.publisher());
    return send("POST " + bare(path), request, within);
  }

  private HttpRequest.Builder request(String path, Map<String, String> more) {
    HttpRequest.Builder request = HttpRequest.newBuilder(base.resolve(path));
    headers.forEach(request::setHeader);
    more.forEach(request::setHeader);
    return request;
  }

  /** Without the query, which may hold anything. */
  private static String bare(String path) {
    int query = path.indexOf('?');
    return query < 0 ? path : path.substring(0, query);
  }

  private Reply send(String call, HttpRequest.Builder request, Duration within)
      throws CallException, InterruptedException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    HttpResponse<OutputStream> answer =
        await(call, request, head -> new Bounded(body, limit), limit, within);
    return new Reply(call, answer.statusCode(), answer.headers(), body.toByteArray());
  }

  private static HttpResponse<OutputStream> await(
      String call,
      HttpRequest.Builder request,
      HttpResponse.BodyHandler<OutputStream> handler,
      long limit,
      Duration within)
      throws CallException, InterruptedException {
    CompletableFuture<HttpResponse<OutputStream>> answer =
        Http.client().sendAsync(request.build(), handler);
    boolean done = false;
    try {
      HttpResponse<OutputStream> response = answer.get(millis(within), TimeUnit.MILLISECONDS);
      done = true;
      return response;
    } catch (TimeoutException e) {
      throw new CallException.TimedOut(call + " was not answered in " + millis(within) + " ms.");
    } catch (ExecutionException e) {
      throw failure(call, limit, e);
    } finally {
      if (!done) {
        // Closes its connection.
        answer.cancel(true);
      }
    }
  }

  /** At least one; a year for what cannot be counted. */
  private static long millis(Duration within) {
    Duration most = Duration.ofDays(365);
    return Math.max(1, (within.compareTo(most) < 0 ? within : most).toMillis());
  }

  private static CallException failure(String call, long limit, ExecutionException from) {
    for (Throwable each = from; each != null; each = each.getCause()) {
      if (each instanceof Bounded.Exceeded) {
        return new CallException.TooLarge(
            call + " was answered with more than " + limit + " bytes, which are not taken.", limit);
      }
    }
    Throwable cause = from.getCause();
    String why = cause == null ? null : cause.getMessage();
    return new CallException.Unreachable(
        call + " has no answer: " + (why == null ? "no connection" : why) + ".", cause);
  }
}
