package dev.berth.fargate;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** One rig for all test classes of a JVM, ended by JUnit after the last. */
final class RigExtension implements BeforeAllCallback {
  private static volatile FargateRig rig;

  static FargateRig rig() {
    return rig;
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
