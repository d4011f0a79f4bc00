package dev.berth.services.openhands;

import dev.berth.RequestException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which language model an agent talks to. The key goes to the agent server in the body of a call,
 * and shows in no text.
 *
 * @param model as LiteLLM names it: {@code provider/name}
 * @param apiKey the provider's key
 * @param baseUrl where the model is, as seen from the sandbox; null for the provider's own address
 */
public record Settings(String model, String apiKey, @Nullable String baseUrl) {
  /** The model if none is named. */
  public static final String DEFAULT_MODEL = "anthropic/claude-sonnet-4-5-20250929";

  /** Checks. */
  public Settings {
    if (model.isBlank() || apiKey.isBlank()) {
      throw new RequestException(
          "Tried to use a language model without "
              + (model.isBlank() ? "a name; name one such as openai/gpt-4o." : "a key; set one."));
    }
  }

  /**
   * From {@code LLM_API_KEY}, {@code LLM_MODEL} and {@code LLM_BASE_URL}.
   *
   * @throws RequestException if there is no {@code LLM_API_KEY}
   */
  public static Settings ofEnvironment() {
    return of(System.getenv());
  }

  static Settings of(Map<String, String> env) {
    String key = env.getOrDefault("LLM_API_KEY", "");
    if (key.isBlank()) {
      throw new RequestException(
          "Tried to find the language model's key, but LLM_API_KEY is not set; set it.");
    }
    String model = env.getOrDefault("LLM_MODEL", "");
    String url = env.getOrDefault("LLM_BASE_URL", "");
    return new Settings(model.isBlank() ? DEFAULT_MODEL : model, key, url.isBlank() ? null : url);
  }

  /** As the server reads it. */
  Map<String, Object> json(String usage) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", model);
    json.put("api_key", apiKey);
    json.put("usage_id", usage);
    if (baseUrl != null) {
      json.put("base_url", baseUrl);
    }
    return json;
  }

  /** Without the key. */
  @Override
  public String toString() {
    return "Settings[" + model + (baseUrl == null ? "" : " at " + baseUrl) + "]";
  }
}
