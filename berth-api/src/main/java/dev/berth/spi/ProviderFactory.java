package dev.berth.spi;

import java.util.List;

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

  /** Examines this host for what stops this provider's sandboxes; starts none. */
  List<Finding> examine(ConfigSection config) throws InterruptedException;
}
