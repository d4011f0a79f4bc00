package dev.berth.services.swerex;

import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract with the Java client and the real server of PyPI in a real Apptainer image. */
class RemoteRuntimeContractIT extends RuntimeContract {
  private static final ApptainerDeployment DEPLOYMENT =
      new ApptainerDeployment(SwerexImage.config());

  @BeforeAll
  static void start() throws Exception {
    DEPLOYMENT.start();
  }

  @AfterAll
  static void stop() {
    DEPLOYMENT.stop();
  }

  @Override
  Runtime runtime() {
    return DEPLOYMENT.runtime();
  }

  @Override
  Set<KnownDeviation> deviations() {
    return EnumSet.allOf(KnownDeviation.class);
  }
}
