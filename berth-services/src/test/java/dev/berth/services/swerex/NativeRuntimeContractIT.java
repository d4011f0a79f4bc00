package dev.berth.services.swerex;

import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract with Berth's guest, in an image without swe-rex. */
class NativeRuntimeContractIT extends RuntimeContract {
  private static Berth berth;
  private static NativeRuntime runtime;

  @BeforeAll
  static void start() throws Exception {
    berth = Berth.builder().provider("apptainer").build();
    runtime = new NativeRuntime(berth.create(SandboxSpec.of(SwerexImage.bare())));
  }

  @AfterAll
  static void stop() {
    runtime.close();
    berth.close();
  }

  @Override
  Runtime runtime() {
    return runtime;
  }
}
