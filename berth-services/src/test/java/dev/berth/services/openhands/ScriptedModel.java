package dev.berth.services.openhands;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.berth.services.http.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import tools.jackson.databind.JsonNode;

/**
 * A language model on loopback that speaks OpenAI's interface and says what a script says. It needs
 * no model: what it answers follows from the last message of the user and from how many of its tool
 * calls have been answered since.
 */
public final class ScriptedModel implements AutoCloseable {
  /** What each call is said to have cost; gpt-4o's price is known to the server. */
  public static final int PROMPT_TOKENS = 1000;

  public static final int COMPLETION_TOKENS = 50;
  public static final String MODEL = "openai/gpt-4o";

  private final HttpServer server;
  private final Script script;
  private final AtomicLong calls = new AtomicLong();
  private final List<String> keys = Collections.synchronizedList(new ArrayList<>());

  /** What the model says. */
  @FunctionalInterface
  public interface Script {
    /**
     * The next answer.
     *
     * @param said the user's last message
     * @param results what the tools gave since then, in order
     */
    Answer next(String said, List<String> results) throws InterruptedException;
  }

  /** A text, or a call of a tool. */
  public record Answer(String tool, Map<String, ?> arguments, String text) {
    public static Answer tool(String tool, Map<String, ?> arguments) {
      return new Answer(tool, arguments, "");
    }

    public static Answer shell(String command) {
      return tool("terminal", Map.of("command", command, "security_risk", "LOW", "summary", "run"));
    }

    public static Answer finish(String message) {
      return tool("finish", Map.of("message", message, "summary", "done"));
    }

    static Answer text(String text) {
      return new Answer("", Map.of(), text);
    }
  }

  /** Starts it on a free port. */
  public ScriptedModel(Script script) throws IOException {
    this.script = script;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/v1/chat/completions", this::answer);
    server.start();
  }

  /** Where it is. */
  public String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
  }

  /** How often it was asked. */
  public long calls() {
    return calls.get();
  }

  /** The keys that it was given. */
  public List<String> keys() {
    return List.copyOf(keys);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      JsonNode asked = Json.mapper().readTree(exchange.getRequestBody());
      keys.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
      calls.incrementAndGet();
      byte[] body;
      try {
        body = Json.bytes(completion(asked, said(asked)));
      } catch (InterruptedException e) {
        return;
      }
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  private Answer said(JsonNode asked) throws InterruptedException {
    if (asked.path("tools").isEmpty()) {
      return Answer.text("a summary");
    }
    String said = "";
    List<String> results = new ArrayList<>();
    for (JsonNode message : asked.path("messages")) {
      switch (message.path("role").asString("")) {
        case "user" -> {
          said = text(message.path("content"));
          results.clear();
        }
        case "tool" -> results.add(text(message.path("content")));
        default -> {}
      }
    }
    return script.next(said, results);
  }

  private static String text(JsonNode content) {
    if (content.isString()) {
      return content.stringValue();
    }
    StringBuilder text = new StringBuilder();
    content.forEach(part -> text.append(part.path("text").asString("")));
    return text.toString();
  }

  private Map<String, Object> completion(JsonNode asked, Answer answer) {
    Map<String, Object> message =
        answer.tool().isEmpty()
            ? Map.of("role", "assistant", "content", answer.text())
            : Map.of(
                "role",
                "assistant",
                "content",
                "",
                "tool_calls",
                List.of(
                    Map.of(
                        "id",
                        "call_" + calls.get(),
                        "type",
                        "function",
                        "function",
                        Map.of(
                            "name",
                            answer.tool(),
                            "arguments",
                            Json.mapper().writeValueAsString(answer.arguments())))));
    return Map.of(
        "id",
        "completion-" + calls.get(),
        "object",
        "chat.completion",
        "created",
        1_700_000_000,
        "model",
        asked.path("model").asString("gpt-4o"),
        "choices",
        List.of(
            Map.of(
                "index",
                0,
                "finish_reason",
                answer.tool().isEmpty() ? "stop" : "tool_calls",
                "message",
                message)),
        "usage",
        Map.of(
            "prompt_tokens",
            PROMPT_TOKENS,
            "completion_tokens",
            COMPLETION_TOKENS,
            "total_tokens",
            PROMPT_TOKENS + COMPLETION_TOKENS));
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
