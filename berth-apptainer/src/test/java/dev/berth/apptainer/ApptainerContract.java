package dev.berth.apptainer;

import dev.berth.Sandbox;
import dev.berth.SandboxSpec;
import dev.berth.core.state.StateHome;
import dev.berth.spi.SandboxProvider;
import dev.berth.testkit.HostProcesses;
import dev.berth.testkit.SandboxContract;
import dev.berth.testkit.Trait;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The contract, on real Apptainer; its implementations differ in configuration and spec alone. */
interface ApptainerContract extends SandboxContract {
  /** How the provider is configured. */
  default ApptainerConfig config() {
    return ApptainerConfig.defaults();
  }

  @Override
  default SandboxProvider open() {
    return new ApptainerProvider(config());
  }

  @Override
  default SandboxSpec spec() {
    return SandboxSpec.of(TestImage.folder().toString());
  }

  @Override
  default Set<Trait> traits() {
    return EnumSet.allOf(Trait.class);
  }

  @Override
  default Optional<String> mountPoint() {
    return Optional.of(config().create().mountPoint());
  }

  /** Kills the init of the sandbox's pid namespace. */
  @Override
  default void kill(Sandbox sandbox) {
    HostProcesses.killParent(
        line -> line.contains("startscript serve") && line.contains("berth-" + sandbox.id()));
  }

  @Override
  default List<String> leftovers(String id) {
    List<String> found = new ArrayList<>(HostProcesses.naming(id));
    found.addAll(HostProcesses.holding(id));
    StateHome.ofEnvironment().find(id).ifPresent(folder -> found.add("folder " + folder.path()));
    return found;
  }
}
