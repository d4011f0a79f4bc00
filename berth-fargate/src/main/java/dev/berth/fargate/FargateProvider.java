package dev.berth.fargate;

/** x. */
final class FargateProvider {
  static final String NAME = "ecs_fargate";
}
