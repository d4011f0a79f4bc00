package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.UnsupportedRequestException;
import dev.berth.apptainer.ApptainerConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code --net}: a network of the sandbox's own into which a port of the host leads. */
@Timeout(180)
class PortMappingIT {
  @TempDir Path home;

  @Test
  void withoutRootItIsTheHostsNetworkOrRefused() throws Exception {
    assumeTrue(!isRoot(), "this is about plain users");
    List<String> steps = new ArrayList<>();
    try (ApptainerDeployment deployment =
        new ApptainerDeployment(
            SwerexImage.config()
                .withApptainerArgs("--net", "--network-args", "portmap" + mapping()),
            ApptainerConfig.defaults(),
            home)) {
      deployment.addHook(steps::add);
      deployment.start();
      assertThat(deployment.mappedPort()).isEmpty();
      assertThat(steps)
          .anyMatch(step -> step.startsWith("--net is not used: a network of its own needs root"));
    }
    steps.clear();
    ApptainerDeployment refused =
        new ApptainerDeployment(
            SwerexImage.config().withApptainerArgs("--net", "--network", "bridge"),
            ApptainerConfig.defaults(),
            home);
    refused.addHook(steps::add);
    assertThatThrownBy(refused::start)
        .isInstanceOf(UnsupportedRequestException.class)
        .hasMessageContaining("root");
    assertThat(steps).isEmpty();
  }

  /** A port that is free now; the deployment listens on it itself. */
  private static String mapping() throws Exception {
    try (var socket = new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      return "=" + socket.getLocalPort() + ":8000/tcp";
    }
  }

  /** In a network namespace of the test's own, so that this machine's rules stay as they are. */
  @Test
  @Tag("root")
  void asRootAPortLeadsIntoIt() throws Exception {
    assumeTrue(isRoot(), "it needs root rights");
    String prepare =
        "ip link set lo up && mkdir -p /var/lib/cni && mount -t tmpfs cni /var/lib/cni"
            + " && iptables -t nat -S >/dev/null";
    String ready = shell(prepare + " && echo ready");
    assumeTrue(ready.contains("ready"), "it needs ip, mount and iptables' nat table: " + ready);
    List<String> java =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            PortMappingChild.class.getName(),
            SwerexImage.path());
    String told = shell(prepare + " && exec \"$@\"", java.toArray(new String[0]));
    assertThat(told.lines())
        .contains("endpoint true", "loopback true", "outside true", "end")
        .anyMatch(line -> line.startsWith("step Port ") && line.contains("all this host's"))
        .anyMatch(line -> line.matches("inside CapEff:\\s+0+ eth0 lo .*"))
        .anyMatch(line -> line.startsWith("second ") && line.contains("is not available"))
        .anyMatch(line -> line.startsWith("stranger ") && line.length() > "stranger ".length())
        .noneMatch(line -> line.startsWith("left "));
  }

  private static boolean isRoot() throws Exception {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
  }

  /** What a line prints, in namespaces of its own. */
  private static String shell(String line, String... words) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of("unshare", "-nm", "--propagation", "private", "sh", "-c", line, "sh"));
    command.addAll(List.of(words));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return printed;
  }
}
