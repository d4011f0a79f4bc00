package dev.berth.core.launch;

import dev.berth.RequestException;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What another process needs to find a sandbox of this host: JSON without secrets. Whoever may read the state folder may use the sandbox.
 *
 * @param provider whose sandbox it is
 * @param id the sandbox's id
 * @param stateHome where its folder is
 */
public record Descriptor(String provider, String id, Path stateHome) {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  static String write(String provider, String id, Path stateHome) {
    return JSON.writeValueAsString(Map.of("provider", provider, "id", id, "state_home", stateHome.toString()));
  }

  /**
   * Reads one.
   *
   * @throws RequestException if it is none
   */
  public static Descriptor read(String json) {
    try {
      JsonNode node = JSON.readTree(json);
      return new Descriptor(text(node, "provider"), text(node, "id"), Path.of(text(node, "state_home")));
    } catch (JacksonException | java.nio.file.InvalidPathException e) {
      throw new RequestException("Tried to read the descriptor of a sandbox, but it is not what serialize() gave: " + e.getMessage());
    }
  }

  private static String text(JsonNode node, String name) {
    JsonNode value = node.path(name);
    if (!value.isString()) {
      throw new RequestException("Tried to read the descriptor of a sandbox, but it has no text '" + name + "'; use what serialize() gave.");
    }
    return value.stringValue();
  }
}
