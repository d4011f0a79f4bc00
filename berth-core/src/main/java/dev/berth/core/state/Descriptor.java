package dev.berth.core.state;

import dev.berth.RequestException;
import dev.berth.SandboxLostException;
import java.io.StringWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * What another process needs to find a sandbox: JSON without secrets, of which the provider's name
 * is for everybody and the rest for that provider; or, on the same host and for the same user, its
 * id alone. Whoever may read the state folder may use the sandbox. Streaming alone, because
 * databind takes a quarter of a second to load.
 *
 * @param provider whose sandbox it is
 * @param id the sandbox's id
 * @param stateHome where its folder is; empty for providers that store it elsewhere
 */
public record Descriptor(String provider, String id, String stateHome) {

  /** The descriptor of a sandbox in this state home. */
  public static Descriptor of(SandboxFolder folder) {
    return new Descriptor(folder.provider(), folder.id(), folder.home().root().toString());
  }

  /**
   * Reads JSON, or an id, which is looked up in this state home.
   *
   * @throws RequestException if it is neither
   * @throws SandboxLostException if there is no sandbox of this id
   */
  public static Descriptor read(String text, StateHome state) {
    if (StateHome.isId(text)) {
      return state
          .find(text)
          .map(Descriptor::of)
          .orElseThrow(() ->
              new SandboxLostException(
                  null,
                  text,
                  "Tried to connect to sandbox " + text + ", but there is none of that id.",
                  null));
    }
    Map<String, String> texts = texts(text);
    return new Descriptor(
        needed(texts, "provider"),
        texts.getOrDefault("id", ""),
        texts.getOrDefault("state_home", ""));
  }

  /** The folder of the sandbox, which must be on this host. */
  public SandboxFolder folder() {
    try {
      return StateHome.at(Path.of(stateHome))
          .find(id)
          .orElseThrow(() ->
              new SandboxLostException(
                  provider,
                  id,
                  "Tried to connect to sandbox "
                      + id
                      + ", but it is gone: there is no such sandbox in "
                      + stateHome
                      + ".",
                  null));
    } catch (InvalidPathException e) {
      throw new RequestException(
          provider,
          id,
          "Tried to read the descriptor of a sandbox, but its state_home is no path.",
          e);
    }
  }

  /** As JSON. */
  public String json() {
    StringWriter text = new StringWriter();
    try (var generator = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
      generator.writeStartObject();
      generator.writeStringProperty("provider", provider);
      generator.writeStringProperty("id", id);
      generator.writeStringProperty("state_home", stateHome);
      generator.writeEndObject();
    }
    return text.toString();
  }

  private static Map<String, String> texts(String json) {
    Map<String, String> texts = new HashMap<>();
    try (var parser = new JsonFactory().createParser(ObjectReadContext.empty(), json)) {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = parser.currentName();
          if (parser.nextToken() == JsonToken.VALUE_STRING) {
            texts.put(name, parser.getString());
          }
          parser.skipChildren();
        }
      }
      return texts;
    } catch (JacksonException e) {
      throw new RequestException(
          null,
          null,
          "Tried to read the descriptor of a sandbox, but it is no JSON: "
              + e.getOriginalMessage()
              + ".",
          e);
    }
  }

  private static String needed(Map<String, String> texts, String name) {
    String value = texts.get(name);
    if (value == null) {
      throw new RequestException(
          "Tried to read the descriptor of a sandbox, but it has no text '"
              + name
              + "'; use what serialize() gave.");
    }
    return value;
  }
}
