package dev.berth.apptainer;

/** The contract, with one exec as the sandbox. */
class ApptainerDirectContractIT implements ApptainerContract {
  @Override
  public ApptainerConfig config() {
    ApptainerConfig defaults = ApptainerConfig.defaults();
    return defaults.with(defaults.create().withMode(ApptainerConfig.Mode.DIRECT));
  }
}
