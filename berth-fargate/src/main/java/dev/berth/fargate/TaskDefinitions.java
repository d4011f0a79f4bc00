package dev.berth.fargate;

/** x. */
final class TaskDefinitions {
  static final String SIDECAR = "ssh-sidecar";
}
