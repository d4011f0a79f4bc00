package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.SandboxException;
import dev.berth.SandboxSpec;

/** What a sandbox's creation fails with; it never says a secret. */
final class Failures {
  private Failures() {}

  /** With this configuration. */
  static SandboxException of(FargateConfig config) {
    return of(config, FargateRig.SPEC);
  }

  static SandboxException of(FargateConfig config, SandboxSpec spec) {
    SandboxException failure;
    try (FargateProvider provider = new FargateProvider(config)) {
      failure =
          org.assertj.core.api.Assertions.catchThrowableOfType(
              SandboxException.class, () -> provider.create(spec).close());
    }
    String key = RigExtension.rig().privateKey().lines().skip(1).findFirst().orElseThrow();
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      assertThat(String.valueOf(cause.getMessage())).doesNotContain(key, "PRIVATE KEY");
    }
    return failure;
  }
}
