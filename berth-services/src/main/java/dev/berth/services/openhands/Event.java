package dev.berth.services.openhands;

import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;

/**
 * Something that happened in a conversation: a message, an action of the agent, what came of it, a
 * change of state.
 *
 * @param id unique in its conversation
 * @param kind the server's name for what it is, such as {@code MessageEvent}, {@code ActionEvent},
 *     {@code ObservationEvent}, {@code ConversationStateUpdateEvent}
 * @param source who made it: {@code user}, {@code agent}, {@code environment}
 * @param timestamp when, in the server's own time, without a zone
 * @param json all of it, as the server sent it
 */
public record Event(String id, String kind, String source, String timestamp, JsonNode json) {
  static final String STATE_UPDATE = "ConversationStateUpdateEvent";
  static final String ERROR = "ConversationErrorEvent";
  private static final int MOST_NAME = 128;

  static Event read(JsonNode json) {
    if (!json.isObject()) {
      throw Shapes.wrong("a conversation's events", "an event that is no object");
    }
    return new Event(
        Shapes.id(json, "a conversation's events"),
        name(json, "kind"),
        name(json, "source"),
        name(json, "timestamp"),
        json);
  }

  private static String name(JsonNode json, String field) {
    String text = Shapes.text(json.path(field));
    if (text.length() > MOST_NAME) {
      throw Shapes.wrong("a conversation's events", "a " + field + " that is too long");
    }
    return text;
  }

  /** The text for people in a message or an observation; empty for other kinds. */
  public Optional<String> text() {
    JsonNode content = json.path("llm_message").path("content");
    if (!content.isArray()) {
      content = json.path("observation").path("content");
    }
    if (!content.isArray()) {
      return Optional.empty();
    }
    return Optional.of(
        StreamSupport.stream(content.spliterator(), false)
            .map(part -> Shapes.text(part.path("text")))
            .collect(Collectors.joining("\n")));
  }

  /** Whether the server keeps it: what it only sends is not among its stored events. */
  boolean stored() {
    return !kind.equals(STATE_UPDATE)
        && !kind.equals("StreamingDeltaEvent")
        && !kind.equals("ServerErrorEvent");
  }

  /** The kind, the source and the id. */
  @Override
  public String toString() {
    return kind + " (" + source + ") " + id;
  }
}
