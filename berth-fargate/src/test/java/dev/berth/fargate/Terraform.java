package dev.berth.fargate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The folder {@code infrastructure/}, and its JSON templates filled in as Terraform's {@code
 * templatefile} does it: they use nothing but {@code ${name}} and {@code ${jsonencode(name)}}.
 */
final class Terraform {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final Pattern HOLE =
      Pattern.compile("\\$\\{(?:jsonencode\\((\\w+)\\)|(\\w+)|([^}]*))}");

  private Terraform() {}

  static Path folder() {
    String set = System.getProperty("berth.infrastructure");
    Path folder = Path.of(set == null ? "../infrastructure" : set).toAbsolutePath().normalize();
    if (!Files.isDirectory(folder)) {
      throw new IllegalStateException(
          folder
              + " is no folder; run the tests in a module's folder, or set"
              + " -Dberth.infrastructure");
    }
    return folder;
  }

  static String text(String name) {
    try {
      return Files.readString(folder().resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The files of a folder with this ending, by their names below {@code infrastructure/}. */
  static List<String> files(String below, String ending) {
    try (Stream<Path> all = Files.list(folder().resolve(below))) {
      return all.map(file -> folder().relativize(file).toString())
          .filter(name -> name.endsWith(ending))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a template asks for. */
  static Set<String> holes(String template) {
    Set<String> names = new LinkedHashSet<>();
    Matcher hole = HOLE.matcher(template);
    while (hole.find()) {
      if (hole.group(3) != null) {
        throw new IllegalStateException("a template uses ${" + hole.group(3) + "}");
      }
      names.add(Objects.requireNonNullElse(hole.group(1), hole.group(2)));
    }
    return names;
  }

  /** A template with its holes filled in, as JSON; a value for each hole must be given. */
  static JsonNode fill(String name, Map<String, ?> values) {
    Matcher hole = HOLE.matcher(text(name));
    StringBuilder filled = new StringBuilder();
    while (hole.find()) {
      boolean encoded = hole.group(1) != null;
      String key = encoded ? hole.group(1) : hole.group(2);
      if (!values.containsKey(key)) {
        throw new IllegalStateException(name + " asks for " + key);
      }
      Object value = values.get(key);
      hole.appendReplacement(
          filled,
          Matcher.quoteReplacement(
              encoded ? JSON.writeValueAsString(value) : String.valueOf(value)));
    }
    return JSON.readTree(hole.appendTail(filled).toString());
  }
}
