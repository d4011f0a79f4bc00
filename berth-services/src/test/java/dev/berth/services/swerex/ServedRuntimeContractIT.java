package dev.berth.services.swerex;

import dev.berth.SandboxSpec;
import dev.berth.core.Berth;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract with Berth's guest under the swe-rex protocol, and the Java client. */
class ServedRuntimeContractIT extends RuntimeContract {
  private static Berth berth;
  private static NativeRuntime inner;
  private static RuntimeServer server;
  private static RemoteRuntime runtime;

  @BeforeAll
  static void start() throws Exception {
    berth = Berth.builder().provider("apptainer").build();
    inner = new NativeRuntime(berth.create(SandboxSpec.of(SwerexImage.bare())));
    String key = RuntimeServer.newKey();
    server = RuntimeServer.start(inner, "127.0.0.1", 0, key);
    runtime = new RemoteRuntime(server.url(), key);
  }

  @AfterAll
  static void stop() {
    server.close();
    inner.close();
    berth.close();
  }

  @Override
  Runtime runtime() {
    return runtime;
  }

  /** What the protocol itself cannot carry. */
  @Override
  Set<KnownDeviation> deviations() {
    return Set.of(KnownDeviation.LOSES_MODES, KnownDeviation.LOSES_PARTIAL_OUTPUT);
  }
}
