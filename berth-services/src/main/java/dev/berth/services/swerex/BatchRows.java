package dev.berth.services.swerex;

import dev.berth.RequestException;
import dev.berth.core.config.YamlFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.MappingIterator;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/** The rows of a batch file, whatever its format. */
final class BatchRows {
  private static final long LARGEST_FILE = 256L << 20;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(50)
                          .maxStringLength(16 << 20)
                          .build())
                  .build())
          .build();

  private BatchRows() {}

  /** Hands over each row in turn. */
  static void read(Path file, Consumer<BatchRow> to) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    String ending = name.substring(name.lastIndexOf('.') + 1);
    try {
      if (Files.size(file) > LARGEST_FILE) {
        throw new RequestException(
            "Tried to read " + file + ", but it is larger than 256 MiB; split it.");
      }
      switch (ending) {
        case "jsonl" -> jsonLines(file, to);
        case "json" -> json(file, to);
        case "yaml", "yml" -> yaml(file, to);
        case "csv" -> csv(file, to);
        default ->
            throw new RequestException(
                "Tried to read instances from "
                    + file
                    + "; its name must end with .jsonl, .json, .yaml, .yml or .csv.");
      }
    } catch (CharacterCodingException e) {
      throw failed(file, "it is no UTF-8 text", e);
    } catch (JacksonException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      String what = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("?");
      throw failed(file, (line > 0 ? "line " + line + " is" : "it is") + " no JSON: " + what, e);
    } catch (NoSuchFileException e) {
      throw failed(file, "there is no such file", e);
    } catch (IOException e) {
      throw failed(file, String.valueOf(e.getMessage()), e);
    }
  }

  private static void jsonLines(Path file, Consumer<BatchRow> to) throws IOException {
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        MappingIterator<Object> rows = JSON.readerFor(Object.class).readValues(in)) {
      for (int number = 1; rows.hasNextValue(); number++) {
        to.accept(row(file + " row " + number, rows.nextValue()));
      }
    }
  }

  /** A list of rows, read one by one. */
  private static void json(Path file, Consumer<BatchRow> to) throws IOException {
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        var parser = JSON.createParser(in)) {
      ObjectReader one =
          JSON.readerFor(Object.class).without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw noList(file);
      }
      for (int number = 1; parser.nextToken() != JsonToken.END_ARRAY; number++) {
        to.accept(row(file + " row " + number, one.readValue(parser)));
      }
      // Two lists one after the other, say: the rows of the second would be missing silently.
      if (parser.nextToken() != null) {
        throw failed(file, "more follows after the end of its list", null);
      }
    }
  }

  private static void yaml(Path file, Consumer<BatchRow> to) {
    if (!(YamlFile.read(file) instanceof List<?> rows)) {
      throw noList(file);
    }
    int number = 1;
    for (Object row : rows) {
      to.accept(row(file + " row " + number++, row));
    }
  }

  private static void csv(Path file, Consumer<BatchRow> to) throws IOException {
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      Csv csv = new Csv(in);
      List<String> names = csv.row();
      if (names == null) {
        return;
      }
      if (names.get(0).startsWith("\ufeff")) {
        names.set(0, names.get(0).substring(1));
      }
      while (true) {
        int line = csv.line();
        List<String> fields = csv.row();
        if (fields == null) {
          return;
        }
        if (fields.equals(List.of(""))) {
          continue;
        }
        if (fields.size() != names.size()) {
          throw new RequestException(
              "Tried to read "
                  + file
                  + " line "
                  + line
                  + ", but it has "
                  + fields.size()
                  + " fields and the first line names "
                  + names.size()
                  + ".");
        }
        Map<String, @Nullable Object> row = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
          // What a column leaves empty is not said, as a key left out elsewhere.
          row.put(names.get(i).strip(), fields.get(i).isEmpty() ? null : fields.get(i));
        }
        to.accept(new BatchRow(file + " line " + line, row));
      }
    }
  }

  private static BatchRow row(String where, @Nullable Object value) {
    if (!(value instanceof Map<?, ?> map)) {
      throw new RequestException(
          "Tried to read " + where + ", but it is no block of names and values.");
    }
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    map.forEach((key, item) -> row.put(String.valueOf(key), item));
    return new BatchRow(where, row);
  }

  private static RequestException noList(Path file) {
    return new RequestException(
        "Tried to read instances from " + file + ", but its top level is no list of them.");
  }

  private static RequestException failed(Path file, String why, @Nullable Exception cause) {
    return new RequestException(
        null, null, "Tried to read instances from " + file + ", but " + why + ".", cause);
  }
}
