package dev.berth.core;

import dev.berth.RequestException;
import dev.berth.core.config.ConfigFile;
import dev.berth.spi.ConfigSection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which provider is used, and its configuration: a block of a file, else nothing but a name.
 *
 * @param provider its name
 * @param config what its factory takes
 * @param defaultMetadata labels for every sandbox
 */
record Choice(String provider, ConfigSection config, Map<String, String> defaultMetadata) {
  private static final String DEFAULT_PROVIDER = "apptainer";

  /** A provider without a configuration. */
  static Choice of(String provider) {
    return new Choice(provider, ConfigSection.empty(provider), Map.of());
  }

  /**
   * Chooses.
   *
   * @param config a file that was named; absent: the user's own, if there is one
   * @param block a block that was named
   * @param provider a provider that was named; it is never overruled
   */
  static Choice make(
      Providers providers,
      Map<String, String> env,
      @Nullable Path config,
      @Nullable String block,
      @Nullable String provider) {
    Path file = config == null ? usersOwn(env) : config;
    if (file == null) {
      if (block != null) {
        throw new RequestException(
            "Tried to use the block '"
                + block
                + "' of a configuration file, but no file is named, and there is none of your"
                + " own.");
      }
      return of(provider == null ? DEFAULT_PROVIDER : provider);
    }
    ConfigFile blocks = ConfigFile.read(file, providers.names());
    if (block != null || provider == null) {
      Choice choice = of(blocks.block(block));
      if (provider != null && !provider.equals(choice.provider())) {
        throw new RequestException(
            "Tried to use the provider '"
                + provider
                + "' with the block '"
                + block
                + "' of "
                + file
                + ", but that is for "
                + choice.provider()
                + ".");
      }
      return choice;
    }
    List<ConfigFile.Block> fitting =
        blocks.blocks().stream()
            .map(blocks::block)
            .filter(found -> found.provider().equals(provider))
            .toList();
    if (fitting.size() > 1) {
      throw new RequestException(
          "Tried to use the provider '"
              + provider
              + "' as "
              + file
              + " says, but several blocks are for it; name one of: "
              + String.join(", ", fitting.stream().map(ConfigFile.Block::name).toList())
              + ".");
    }
    if (fitting.isEmpty() && config != null) {
      throw new RequestException(
          "Tried to use the provider '"
              + provider
              + "' as "
              + file
              + " says, but no block there is for it; there are: "
              + String.join(", ", blocks.blocks())
              + ".");
    }
    return fitting.isEmpty() ? of(provider) : of(fitting.get(0));
  }

  private static Choice of(ConfigFile.Block block) {
    return new Choice(block.provider(), block.config(), block.defaultMetadata());
  }

  private static @Nullable Path usersOwn(Map<String, String> env) {
    String named = env.getOrDefault("BERTH_CONFIG", "");
    if (!named.isEmpty()) {
      return Path.of(named);
    }
    String shared = env.getOrDefault("XDG_CONFIG_HOME", "");
    Path folder =
        shared.startsWith("/")
            ? Path.of(shared)
            : Path.of(env.getOrDefault("HOME", System.getProperty("user.home", "/")))
                .resolve(".config");
    Path file = folder.resolve("berth").resolve("config.yaml");
    return Files.exists(file) ? file : null;
  }
}
