package dev.berth.fargate;

import dev.berth.spi.ConfigSection;
import dev.berth.spi.Finding;
import dev.berth.spi.ProviderFactory;
import dev.berth.spi.SandboxProvider;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes {@link FargateProvider} from the block {@code ecs_fargate} of a configuration file. Nothing
 * of AWS's or of SSH is loaded before.
 */
public final class FargateFactory implements ProviderFactory {
  @Override
  public String name() {
    return FargateProvider.NAME;
  }

  @Override
  public SandboxProvider create(ConfigSection config) {
    return new FargateProvider(FargateConfig.read(config));
  }

  @Override
  public SandboxProvider create(ConfigSection config, Consumer<String> progress) {
    return new FargateProvider(FargateConfig.read(config), progress);
  }

  @Override
  public List<Finding> examine(ConfigSection config) {
    return new FargateDoctor(FargateConfig.read(config)).examine();
  }
}
