package dev.berth.services.http;

import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON within bounds. Unknown properties are left out, missing ones are null, and no type is chosen
 * by what the text says. Thread-safe.
 */
public final class Json {
  /** The deepest nesting that is read. */
  public static final int MOST_DEPTH = 200;

  /** The largest document that is read, in bytes. */
  public static final int MOST_BYTES = 64 << 20;

  private static final int MOST_TOKENS = 2_000_000;
  private static final int MOST_DIGITS = 400;
  private static final int MOST_NAME = 10_000;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MOST_DEPTH)
                          .maxDocumentLength(MOST_BYTES)
                          .maxTokenCount(MOST_TOKENS)
                          .maxStringLength(MOST_BYTES)
                          .maxNumberLength(MOST_DIGITS)
                          .maxNameLength(MOST_NAME)
                          .build())
                  .build())
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  /** The mapper itself, for what this class has no method for. It is immutable. */
  public static JsonMapper mapper() {
    return MAPPER;
  }

  /** A value as JSON. */
  public static byte[] bytes(Object value) {
    return MAPPER.writeValueAsBytes(value);
  }

  /**
   * Reads JSON as a tree.
   *
   * @param from what gave it, for the message
   * @throws CallException.NotJson if it is none, or beyond the bounds
   */
  public static JsonNode tree(byte[] bytes, String from) throws CallException {
    return value(bytes, JsonNode.class, from);
  }

  /**
   * Reads JSON as a record.
   *
   * @throws CallException.NotJson if it does not fit, or is beyond the bounds
   */
  public static <T> T value(byte[] bytes, Class<T> type, String from) throws CallException {
    try {
      T value = MAPPER.readValue(bytes, type);
      if (value != null && !(value instanceof JsonNode node && node.isMissingNode())) {
        return value;
      }
    } catch (JacksonException e) {
      throw new CallException.NotJson(
          from + " was answered with no usable JSON: " + e.getOriginalMessage(), e);
    }
    throw new CallException.NotJson(from + " was answered with nothing where JSON is due.", null);
  }
}
