package dev.berth.apptainer;

/** The contract, in an instance started with --fakeroot. */
class ApptainerFakerootContractIT implements ApptainerContract {
  @Override
  public ApptainerConfig config() {
    ApptainerConfig defaults = ApptainerConfig.defaults();
    return defaults.with(defaults.create().withFakeroot(true));
  }
}
