package dev.berth.apptainer;

import dev.berth.Network;
import dev.berth.SandboxSpec;

/** The contract, with loopback alone. */
class ApptainerNoNetworkContractIT implements ApptainerContract {
  @Override
  public SandboxSpec spec() {
    return ApptainerContract.super.spec().toBuilder().network(Network.NONE).build();
  }
}
