package dev.berth.core;

import dev.berth.RequestException;
import dev.berth.SandboxLostException;
import dev.berth.core.state.SandboxFolder;
import dev.berth.core.state.StateHome;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** Whose sandbox a descriptor is about. The rest of it is the provider's. */
final class Descriptors {
  private Descriptors() {}

  /** The {@code provider} of a JSON object; of an id alone, that of this host's sandbox. */
  static String provider(String descriptor, StateHome state) {
    if (StateHome.isId(descriptor)) {
      return state
          .find(descriptor)
          .map(SandboxFolder::provider)
          .orElseThrow(() ->
              new SandboxLostException(
                  null,
                  descriptor,
                  "Tried to connect to sandbox " + descriptor + ", but there is none of that id.",
                  null));
    }
    try (var parser = new JsonFactory().createParser(ObjectReadContext.empty(), descriptor)) {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          boolean found = parser.currentName().equals("provider");
          JsonToken value = parser.nextToken();
          if (found && value == JsonToken.VALUE_STRING) {
            return parser.getString();
          }
          parser.skipChildren();
        }
      }
    } catch (JacksonException e) {
      throw new RequestException(
          null,
          null,
          "Tried to read the descriptor of a sandbox, but it is no JSON: "
              + e.getOriginalMessage()
              + ".",
          e);
    }
    throw new RequestException(
        "Tried to read the descriptor of a sandbox, but it names no provider; use what serialize()"
            + " gave.");
  }
}
