package dev.berth.testkit;

import dev.berth.SandboxSpec;
import java.util.UUID;

/** What the shared sandbox of a class has besides what its subject wants. */
final class SharedSpec {
  /** A value in its environment that must show nowhere on the host. */
  static final String SECRET = "contract-spec-secret-" + UUID.randomUUID();

  /** Where the secret is. */
  static final String SECRET_NAME = "CONTRACT_SECRET";

  /** A variable and its value. */
  static final String NAME = "CONTRACT_SPEC";

  static final String VALUE = "from the spec";

  private SharedSpec() {}

  static SandboxSpec of(SandboxSpec spec) {
    return spec.toBuilder()
        .env(SECRET_NAME, SECRET)
        .env(NAME, VALUE)
        .metadata("contract", "shared")
        .build();
  }
}
