package dev.berth.apptainer;

import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import org.junit.jupiter.api.Tag;

/** The contract, as root, under cgroup limits. */
@Tag("root")
class ApptainerLimitsContractIT implements ApptainerContract {
  @Override
  public SandboxSpec spec() {
    return ApptainerContract.super.spec().toBuilder()
        .resources(new SandboxResources(2.0, 2048L, null, null, null))
        .build();
  }
}
