package dev.berth.cli;

import dev.berth.apptainer.ApptainerConfig;
import dev.berth.services.openhands.ApptainerWorkspace;
import dev.berth.services.openhands.WorkspaceSpec;
import dev.berth.services.swerex.ApptainerDeployment;
import dev.berth.services.swerex.ApptainerDeploymentConfig;
import dev.berth.services.swerex.ExecuteRequest;
import java.nio.file.Path;
import java.time.Duration;

/** A program that holds a hosted agent server, and is killed meanwhile. */
final class HostLossChild {
  private HostLossChild() {}

  /** Arguments: {@code deployment} or {@code workspace}, and the image with the server. */
  public static void main(String[] words) throws Exception {
    ApptainerConfig defaults = ApptainerConfig.defaults();
    ApptainerConfig config = defaults.with(defaults.create().withLease(Duration.ofSeconds(2)));
    // A program besides the server: one that has left its session and hears no signal.
    String busy = "setsid sh -c 'trap \"\" TERM HUP INT; sleep 600; sleep 600' >/dev/null 2>&1 &";
    if (words[0].equals("deployment")) {
      ApptainerDeployment deployment =
          new ApptainerDeployment(ApptainerDeploymentConfig.of(words[1]), config);
      deployment.start();
      deployment.runtime().execute(ExecuteRequest.ofShell(busy));
    } else {
      ApptainerWorkspace workspace =
          ApptainerWorkspace.start(
              WorkspaceSpec.builder().sifFile(Path.of(words[1])).detachLogs(false).build(),
              config,
              line -> {});
      workspace.server().execute(busy);
    }
    System.out.println("ready");
    System.out.flush();
    Thread.sleep(Duration.ofMinutes(10));
  }
}
