package dev.berth.services.swerex;

/** Hears how a deployment gets on. Called by the thread that starts or stops it. */
@FunctionalInterface
public interface DeploymentHook {
  /** A step begins, or something has to be said; one line for people. */
  void onCustomStep(String message);
}
