package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ApptainerDeploymentIT {
  @Test
  void startsAndStops() throws Exception {
    List<String> steps = new ArrayList<>();
    try (ApptainerDeployment deployment = new ApptainerDeployment(SwerexImage.config())) {
      deployment.addHook(steps::add);
      long t = System.nanoTime();
      deployment.start();
      System.out.println("start ms " + (System.nanoTime() - t) / 1000000);
      assertThat(deployment.isAlive().alive()).isTrue();
      assertThat(deployment.runtime().execute(ExecuteRequest.of("echo", "hi")).stdout())
          .isEqualTo("hi\n");
      t = System.nanoTime();
      deployment.stop();
      System.out.println("stop ms " + (System.nanoTime() - t) / 1000000);
    }
    System.out.println(steps);
  }
}
