package dev.berth.core.config;

import dev.berth.RequestException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.dataformat.yaml.YAMLFactory;
import tools.jackson.dataformat.yaml.YAMLParser;
import tools.jackson.dataformat.yaml.YAMLSchema;

/**
 * Reads one YAML document (JSON is YAML) into maps, lists, texts, numbers, booleans and nulls.
 * Built on the parser's events, not on data binding: that would take aliases for texts, lose how a
 * number was written ({@code 3.10}) and load a hundred classes more.
 *
 * <p>Bounded: depth, and the number of values with every alias counted as what it stands for.
 */
final class YamlReader {
  private static final int DEEPEST = 50;
  private static final int MOST_VALUES = 100_000;

  private final String file;
  private final String text;
  private final YAMLParser parser;
  private final Map<String, Anchored> anchors = new HashMap<>();
  private final Map<String, Integer> lines = new LinkedHashMap<>();
  private int values;

  /** Where the last single value began: in chars, and as the parser counts, in code points. */
  private int start;

  private int startPoint;

  private YamlReader(String file, String text, YAMLParser parser) {
    this.file = file;
    this.text = text;
    this.parser = parser;
  }

  /** A document whose top level is a block, and the line on which each key of that stands. */
  record Document(Map<String, @Nullable Object> values, Map<String, Integer> lines) {}

  private record Anchored(@Nullable Object value, int size) {}

  static Document read(String file, String text) {
    return parse(file, text, YamlReader::document);
  }

  /** A document of any kind: a list or a single value too. Null if there is none. */
  static @Nullable Object any(String file, String text) {
    return parse(file, text, reader -> Optional.ofNullable(reader.top())).orElse(null);
  }

  private static <T> T parse(String file, String text, Function<YamlReader, T> read) {
    YAMLFactory yaml = YAMLFactory.builder().yamlSchema(YAMLSchema.CORE).build();
    try (YAMLParser parser = (YAMLParser) yaml.createParser(ObjectReadContext.empty(), text)) {
      return read.apply(new YamlReader(file, text, parser));
    } catch (JacksonException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      String what =
          String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("it is no YAML");
      throw new RequestException(
          "Tried to read " + file + (line > 0 ? " line " + line : "") + " as YAML: " + what + ".");
    }
  }

  private Document document() {
    Object top = top();
    if (top == null) {
      return new Document(Map.of(), Map.of());
    }
    if (!(top instanceof Map<?, ?> map)) {
      throw wrong("the top level must be a block of keys");
    }
    Map<String, @Nullable Object> keys = new LinkedHashMap<>();
    map.forEach((key, value) -> keys.put(String.valueOf(key), value));
    return new Document(keys, lines);
  }

  private @Nullable Object top() {
    JsonToken token = parser.nextToken();
    if (token == null) {
      return null;
    }
    Object top = value(token, 0);
    if (parser.nextToken() != null) {
      throw wrong("a second document begins here; one file holds one");
    }
    return top;
  }

  private @Nullable Object value(@Nullable JsonToken token, int depth) {
    int before = values;
    count(1);
    if (parser.isCurrentAlias() && token == JsonToken.VALUE_STRING) {
      return alias(parser.getString());
    }
    String anchor = anchor(token);
    Object value =
        switch (token) {
          case START_OBJECT -> block(depth + 1);
          case START_ARRAY -> list(depth + 1);
          case VALUE_TRUE -> true;
          case VALUE_FALSE -> false;
          case VALUE_NULL -> null;
          case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
              new Written(parser.getString(), parser.getNumberValue().doubleValue());
          case VALUE_STRING -> parser.getString();
          case null, default -> throw wrong("this is no value that is understood here");
        };
    if (anchor != null) {
      anchors.put(anchor, new Anchored(value, values - before));
    }
    return value;
  }

  private @Nullable Object alias(String name) {
    Anchored anchored = anchors.get(name);
    if (anchored == null) {
      throw wrong("there is no &" + name + " before *" + name);
    }
    count(anchored.size());
    return anchored.value();
  }

  /**
   * The name after & before a value. Of single values the parser says only where they begin, with
   * their anchor.
   */
  private @Nullable String anchor(@Nullable JsonToken token) {
    if (token == JsonToken.START_OBJECT || token == JsonToken.START_ARRAY) {
      return parser.getObjectId();
    }
    int point = (int) parser.currentTokenLocation().getCharOffset();
    start = text.offsetByCodePoints(start, point - startPoint);
    startPoint = point;
    if (start >= text.length() || text.charAt(start) != '&') {
      return null;
    }
    int end = start + 1;
    while (end < text.length() && " \t\r\n,[]{}".indexOf(text.charAt(end)) < 0) {
      end++;
    }
    return text.substring(start + 1, end);
  }

  private Map<String, @Nullable Object> block(int depth) {
    checkDepth(depth);
    Map<String, @Nullable Object> block = new LinkedHashMap<>();
    List<Object> merged = new ArrayList<>();
    for (JsonToken token = parser.nextToken();
        token != JsonToken.END_OBJECT;
        token = parser.nextToken()) {
      if (token != JsonToken.PROPERTY_NAME) {
        throw wrong("a key is missing here");
      }
      String key = parser.currentName();
      if (depth == 1) {
        lines.put(key, parser.currentTokenLocation().getLineNr());
      }
      Object value = value(parser.nextToken(), depth);
      if (key.equals("<<") && value != null) {
        merged.add(value);
      } else if (block.containsKey(key)) {
        throw wrong("the key '" + key + "' stands here twice");
      } else {
        block.put(key, value);
      }
    }
    merged.forEach(value -> merge(value, block));
    return block;
  }

  private void merge(Object value, Map<String, @Nullable Object> into) {
    if (value instanceof List<?> list) {
      for (Object item : list) {
        if (item != null) {
          merge(item, into);
        }
      }
    } else if (value instanceof Map<?, ?> map) {
      map.forEach((key, item) -> into.putIfAbsent(String.valueOf(key), item));
    } else {
      throw wrong("'<<' takes a block, or a list of blocks");
    }
  }

  private List<@Nullable Object> list(int depth) {
    checkDepth(depth);
    List<@Nullable Object> list = new ArrayList<>();
    for (JsonToken token = parser.nextToken();
        token != JsonToken.END_ARRAY;
        token = parser.nextToken()) {
      list.add(value(token, depth));
    }
    return list;
  }

  private void checkDepth(int depth) {
    if (depth > DEEPEST) {
      throw wrong("more than " + DEEPEST + " blocks are nested here");
    }
  }

  private void count(int more) {
    values = Math.addExact(values, more);
    if (values > MOST_VALUES) {
      throw wrong(
          "there are more than " + MOST_VALUES + " values, aliases counted as what they stand for");
    }
  }

  private RequestException wrong(String what) {
    return new RequestException(
        "Tried to read "
            + file
            + " line "
            + parser.currentTokenLocation().getLineNr()
            + ": "
            + what
            + ".");
  }

  /** A number that remembers how it was written: as a text, {@code 3.10} is not {@code 3.1}. */
  private static final class Written extends Number {
    private static final long serialVersionUID = 1L;

    private final String text;
    private final double value;

    Written(String text, double value) {
      this.text = text;
      this.value = value;
    }

    @Override
    public int intValue() {
      return (int) value;
    }

    @Override
    public long longValue() {
      return (long) value;
    }

    @Override
    public float floatValue() {
      return (float) value;
    }

    @Override
    public double doubleValue() {
      return value;
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
