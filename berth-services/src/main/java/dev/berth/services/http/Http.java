package dev.berth.services.http;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.concurrent.Executors;

/** The one HTTP client of this process: all services share its connections and its selector. */
public final class Http {
  private static final Duration CONNECT_WITHIN = Duration.ofSeconds(10);

  private Http() {}

  private static final class Holder {
    static final HttpClient CLIENT = make();
  }

  /** Another client like it, which shares no connections; whoever calls this closes it. */
  static HttpClient make() {
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .followRedirects(HttpClient.Redirect.NEVER)
        // Whatever the host's settings say: keys go to the sandbox and to nobody else.
        .proxy(HttpClient.Builder.NO_PROXY)
        .connectTimeout(CONNECT_WITHIN)
        .executor(
            Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("berth-http-", 0).factory()))
        .build();
  }

  /**
   * The client: HTTP/1.1, no redirects, no proxy, virtual threads. It lives as long as the process;
   * nobody closes it.
   */
  public static HttpClient client() {
    return Holder.CLIENT;
  }
}
