package dev.berth.apptainer;

import dev.berth.core.state.CacheHome;
import dev.berth.core.state.StateHome;
import dev.berth.spi.ConfigSection;
import dev.berth.spi.Finding;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import java.util.List;
import java.util.function.Consumer;

/** Makes {@link ApptainerProvider} from the block {@code apptainer} of a configuration file. */
public final class ApptainerFactory implements ProviderFactory {
  @Override
  public String name() {
    return ApptainerProvider.NAME;
  }

  @Override
  public SandboxProvider create(ConfigSection config) {
    return new ApptainerProvider(ApptainerConfig.read(config));
  }

  @Override
  public SandboxProvider create(ConfigSection config, Consumer<String> progress) {
    return new ApptainerProvider(ApptainerConfig.read(config), progress);
  }

  @Override
  public List<Finding> examine(ConfigSection config) throws InterruptedException {
    return new Doctor(
            ApptainerConfig.read(config),
            StateHome.ofEnvironment().root(),
            CacheHome.ofEnvironment().root())
        .examine();
  }
}
