package dev.berth.local;

import dev.berth.core.guest.Defaults;
import dev.berth.core.state.StateHome;
import dev.berth.spi.ConfigSection;
import dev.berth.spi.Finding;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import java.time.Duration;
import java.util.List;

/** Makes {@link LocalProvider} from the block {@code local: {default_timeout_s, lease_s}}. */
public final class LocalFactory implements ProviderFactory {
  @Override
  public String name() {
    return LocalProvider.NAME;
  }

  @Override
  public SandboxProvider create(ConfigSection config) {
    Duration timeout = config.seconds("default_timeout_s", Defaults.NONE.timeout());
    Duration lease = config.seconds("lease_s", Duration.ofSeconds(30));
    config.finish();
    return new LocalProvider(timeout, lease);
  }

  @Override
  public List<Finding> examine(ConfigSection config) {
    return StateHome.ofEnvironment().examine();
  }
}
