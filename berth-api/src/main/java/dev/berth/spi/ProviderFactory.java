package dev.berth.spi;

import java.util.List;
import java.util.function.Consumer;

/**
 * Makes a provider from its configuration. Found by {@link java.util.ServiceLoader}, or registered
 * in code. Must be cheap to construct.
 */
public interface ProviderFactory {
  /** The provider's key in a configuration file, such as {@code apptainer}. */
  String name();

  /**
   * Makes the provider, reading every key it knows and then calling {@link ConfigSection#finish()}.
   *
   * @throws dev.berth.RequestException if the configuration is wrong
   * @throws dev.berth.UnsupportedRequestException if the provider cannot work on this host, saying
   *     what to install
   */
  SandboxProvider create(ConfigSection config);

  /**
   * The same; {@code progress} takes lines for people while something takes long, such as fetching
   * an image. A provider that never takes long need not know of it.
   */
  default SandboxProvider create(ConfigSection config, Consumer<String> progress) {
    return create(config);
  }

  /** Examines this host for what stops this provider's sandboxes; starts none. */
  List<Finding> examine(ConfigSection config) throws InterruptedException;
}
