package dev.berth.services.openhands;

import tools.jackson.databind.JsonNode;

/**
 * What a conversation has used of its models so far, all of them together.
 *
 * @param cost in US dollars, as the server reckons it; 0 for a model whose price it does not know
 */
public record Usage(
    double cost,
    long promptTokens,
    long completionTokens,
    long cacheReadTokens,
    long cacheWriteTokens,
    long reasoningTokens) {
  /** Nothing. */
  public static final Usage NONE = new Usage(0, 0, 0, 0, 0, 0);

  /** Reads {@code stats} as it stands in a conversation's state. */
  static Usage read(JsonNode stats) {
    Usage sum = NONE;
    for (JsonNode each : stats.path("usage_to_metrics")) {
      JsonNode tokens = each.path("accumulated_token_usage");
      double cost = each.path("accumulated_cost").asDouble(0);
      sum =
          new Usage(
              sum.cost + (Double.isFinite(cost) ? cost : 0),
              sum.promptTokens + tokens.path("prompt_tokens").asLong(0),
              sum.completionTokens + tokens.path("completion_tokens").asLong(0),
              sum.cacheReadTokens + tokens.path("cache_read_tokens").asLong(0),
              sum.cacheWriteTokens + tokens.path("cache_write_tokens").asLong(0),
              sum.reasoningTokens + tokens.path("reasoning_tokens").asLong(0));
    }
    return sum;
  }
}
