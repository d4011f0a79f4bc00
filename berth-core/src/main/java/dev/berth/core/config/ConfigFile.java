package dev.berth.core.config;

import dev.berth.RequestException;
import dev.berth.spi.ConfigSection;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A configuration file: named top-level blocks, of which those are about sandboxes that hold the
 * key of a provider. A block holds exactly one, besides {@code default_metadata}; what else is in
 * the file (agents, models) is somebody else's and only has to be YAML.
 */
public final class ConfigFile {
  private static final String DEFAULT_METADATA = "default_metadata";

  private final String file;
  private final YamlReader.Document document;
  private final Set<String> providers;

  private ConfigFile(String file, YamlReader.Document document, Set<String> providers) {
    this.file = file;
    this.document = document;
    this.providers = new TreeSet<>(providers);
  }

  /**
   * What a block configures.
   *
   * @param name the block's
   * @param provider the provider's
   * @param config what its factory takes
   * @param defaultMetadata labels for every sandbox, under those of its spec
   */
  public record Block(
      String name, String provider, ConfigSection config, Map<String, String> defaultMetadata) {}

  /** Reads a file of at most 1 MiB, knowing these providers. */
  public static ConfigFile read(Path file, Set<String> providers) {
    return parse(file.toString(), TextFile.read(file), providers);
  }

  static ConfigFile parse(String file, String text, Set<String> providers) {
    return new ConfigFile(file, YamlReader.read(file, text), providers);
  }

  /** The names of the blocks that are about sandboxes. */
  public List<String> blocks() {
    List<String> clear = new ArrayList<>();
    List<String> mixed = new ArrayList<>();
    document
        .values()
        .forEach((name, value) -> {
          if (value instanceof Map<?, ?> map
              && map.keySet().stream().anyMatch(providers::contains)) {
            // An agent's block may have a key that is also a provider's name; with other keys
            // around it,
            // it is taken for a sandbox's only if there is nothing better.
            boolean only =
                map.keySet().stream()
                    .allMatch(key -> providers.contains(key) || key.equals(DEFAULT_METADATA));
            (only ? clear : mixed).add(name);
          }
        });
    return clear.isEmpty() ? mixed : clear;
  }

  /**
   * One block.
   *
   * @param name its name; absent for the only one
   * @throws RequestException if there is none, or a choice to make, or it is not one provider's
   */
  public Block block(@Nullable String name) {
    if (name != null) {
      if (!document.values().containsKey(name)) {
        throw new RequestException(
            "Tried to read the block '"
                + name
                + "' of "
                + file
                + ", but there is none of that name; "
                + found());
      }
      return read(name);
    }
    List<String> blocks = blocks();
    if (blocks.size() != 1) {
      throw new RequestException(
          "Tried to read the sandbox block of "
              + file
              + ", but there is "
              + (blocks.isEmpty() ? "none" : "more than one")
              + "; "
              + found());
    }
    return read(blocks.get(0));
  }

  private String found() {
    List<String> blocks = blocks();
    return blocks.isEmpty()
        ? "a sandbox block is a top-level key with one of "
            + String.join(", ", providers)
            + " below it."
        : "name one of: " + String.join(", ", blocks) + ".";
  }

  private Block read(String name) {
    String where =
        file + " (block on line " + document.lines().getOrDefault(name, 1) + "): " + name;
    if (!(document.values().get(name) instanceof Map<?, ?> map)) {
      throw new RequestException("Tried to read " + where + ", but it is no block of keys.");
    }
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    map.forEach((key, value) -> values.put(String.valueOf(key), value));
    List<String> named =
        values.keySet().stream().filter(key -> !key.equals(DEFAULT_METADATA)).toList();
    if (named.size() != 1 || !providers.contains(named.get(0))) {
      throw new RequestException(
          "Tried to read "
              + where
              + " and found "
              + (named.isEmpty() ? "no provider" : "the keys " + String.join(", ", named))
              + "; a sandbox block holds exactly one of "
              + String.join(", ", providers)
              + ", and may hold "
              + DEFAULT_METADATA
              + ".");
    }
    ConfigSection block = ConfigSection.of(where, values);
    return new Block(
        name, named.get(0), block.section(named.get(0)), block.pairs(DEFAULT_METADATA));
  }
}
