package dev.berth.services.http;

import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A server's whole answer. The body is the reply's own; it is not copied. */
public final class Reply {
  private static final int SHOWN = 500;

  private final String call;
  private final int status;
  private final HttpHeaders headers;
  private final byte[] body;

  Reply(String call, int status, HttpHeaders headers, byte[] body) {
    this.call = call;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** The HTTP status. */
  public int status() {
    return status;
  }

  /** Whether the status is one of 200 to 299. */
  public boolean ok() {
    return status >= 200 && status < 300;
  }

  /** The first header of this name. */
  public Optional<String> header(String name) {
    return headers.firstValue(name);
  }

  /** The body. */
  public byte[] body() {
    return body;
  }

  /** The body as UTF-8, malformed bytes replaced. */
  public String text() {
    return new String(body, StandardCharsets.UTF_8);
  }

  /**
   * The body as JSON, of any shape: a tree's own methods throw unchecked exceptions where a value
   * is not what they convert to, so use those with a default, or {@link #json(Class)}.
   *
   * @throws CallException.NotJson if it is none
   */
  public JsonNode json() throws CallException {
    return Json.tree(body, call);
  }

  /**
   * The body as a record.
   *
   * @throws CallException.NotJson if it does not fit
   */
  public <T> T json(Class<T> type) throws CallException {
    return Json.value(body, type, call);
  }

  /**
   * This reply if {@link #ok()}.
   *
   * @throws CallException.Refused otherwise
   */
  public Reply orThrow() throws CallException {
    if (ok()) {
      return this;
    }
    String text = text().strip();
    String shown = text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text;
    throw new CallException.Refused(
        call + " was refused with status " + status + (shown.isEmpty() ? "." : ": " + shown), this);
  }

  /** The call and the status. */
  @Override
  public String toString() {
    return call + " → " + status;
  }
}
