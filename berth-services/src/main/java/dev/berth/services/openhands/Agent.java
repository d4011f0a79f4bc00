package dev.berth.services.openhands;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An agent, as the server is told to make it. Immutable.
 *
 * @param settings its language model
 * @param tools the names of the server's tools that it may use
 * @param condenserSize how many events it sees before the older ones are summed up; 0 for no
 *     summing up
 * @param more further fields of the server's {@code Agent}, as plain JSON values; they go before
 *     those that the parts above make
 */
public record Agent(
    Settings settings, List<String> tools, int condenserSize, Map<String, Object> more) {
  /** A terminal, an editor of files and a list of tasks: what the default agent has. */
  public static final List<String> DEFAULT_TOOLS =
      List.of("terminal", "file_editor", "task_tracker");

  private static final int DEFAULT_CONDENSER_SIZE = 80;

  /** Copies. */
  public Agent {
    tools = List.copyOf(tools);
    more = Map.copyOf(more);
  }

  /** The server's default agent without a browser. */
  public static Agent of(Settings settings) {
    return new Agent(settings, DEFAULT_TOOLS, DEFAULT_CONDENSER_SIZE, Map.of());
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("kind", "Agent");
    json.put("llm", settings.json("agent"));
    json.put("tools", tools.stream().map(name -> Map.of("name", name)).toList());
    json.put("system_prompt_kwargs", Map.of("cli_mode", true));
    if (condenserSize > 0) {
      json.put(
          "condenser",
          Map.of(
              "kind",
              "LLMSummarizingCondenser",
              "llm",
              settings.json("condenser"),
              "max_size",
              condenserSize,
              "keep_first",
              4));
    }
    json.putAll(more);
    return json;
  }

  /** Without the further fields' values. */
  @Override
  public String toString() {
    return "Agent[" + settings + " " + tools + " " + more.keySet() + "]";
  }
}
