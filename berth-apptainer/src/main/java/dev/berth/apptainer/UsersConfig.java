package dev.berth.apptainer;

import dev.berth.core.Berth;
import dev.berth.spi.ConfigSection;
import dev.berth.spi.Finding;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import java.util.List;

/** Reads the provider's block of the user's own configuration file, as {@link Berth#open} does. */
final class UsersConfig implements ProviderFactory {
  private ApptainerConfig config = ApptainerConfig.defaults();

  private UsersConfig() {}

  static ApptainerConfig read() {
    UsersConfig reader = new UsersConfig();
    try (Berth berth = Berth.builder().provider(ApptainerProvider.NAME).register(reader).build()) {
      berth.provider();
    }
    return reader.config;
  }

  @Override
  public String name() {
    return ApptainerProvider.NAME;
  }

  @Override
  public SandboxProvider create(ConfigSection section) {
    config = ApptainerConfig.read(section);
    return new ApptainerProvider(config);
  }

  @Override
  public List<Finding> examine(ConfigSection section) {
    return List.of();
  }
}
