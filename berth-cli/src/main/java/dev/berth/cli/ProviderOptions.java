package dev.berth.cli;

import dev.berth.core.Berth;
import dev.berth.core.state.SandboxFolder;
import dev.berth.spi.Finding;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which provider is used, and how it is configured. */
final class ProviderOptions {
  @Option(names = "--provider", paramLabel = "NAME", description = "Provider, such as apptainer.")
  private @Nullable String provider;

  @Option(names = "--config", paramLabel = "FILE", description = "Configuration file (YAML).")
  private @Nullable Path config;

  /** Opens Berth; the caller closes it. */
  Berth open() {
    return builder().build();
  }

  /** The same, and shows what takes long. */
  Berth open(Steps steps) {
    return builder().progress(steps).build();
  }

  /**
   * The same to reach a sandbox that is there: where nothing is said, by its own provider, so that
   * the default one need not even be installed.
   */
  Berth open(String id) {
    Berth.Builder builder = builder();
    if (provider == null && config == null) {
      Sandboxes.stored(id)
          .map(SandboxFolder::provider)
          .filter(name -> !name.isEmpty())
          .ifPresent(builder::provider);
    }
    return builder.build();
  }

  /** Looks for what stops the provider's sandboxes on this host. */
  List<Finding> examine() throws InterruptedException {
    return builder().examine();
  }

  private Berth.Builder builder() {
    Berth.Builder builder = Berth.builder();
    if (config != null) {
      builder.config(config);
    }
    if (provider != null) {
      builder.provider(provider);
    }
    return builder;
  }
}
