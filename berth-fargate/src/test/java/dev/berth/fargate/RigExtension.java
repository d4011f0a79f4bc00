package dev.berth.fargate;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * One rig for all test classes of a JVM, ended by JUnit after the last. Where {@code
 * setup/fargate.sh} has found that there can be none, {@code BERTH_FARGATE} is "none" and the tests
 * are left out.
 */
final class RigExtension implements BeforeAllCallback, ExecutionCondition {
  private static volatile FargateRig rig;

  static FargateRig rig() {
    return rig;
  }

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    return "none".equals(System.getenv("BERTH_FARGATE"))
        ? ConditionEvaluationResult.disabled(
            "this machine lets root make no network namespaces and containers, see setup/fargate.sh")
        : ConditionEvaluationResult.enabled("there is a rig");
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    rig =
        context
            .getRoot()
            .getStore(ExtensionContext.Namespace.create(RigExtension.class))
            .computeIfAbsent(FargateRig.class, key -> open(), FargateRig.class);
    FargateRig.useFrom();
  }

  private static FargateRig open() {
    try {
      return new FargateRig();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
