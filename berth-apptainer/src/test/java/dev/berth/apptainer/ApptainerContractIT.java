package dev.berth.apptainer;

/** The contract, in an instance, as the user who runs the tests. */
class ApptainerContractIT implements ApptainerContract {}
