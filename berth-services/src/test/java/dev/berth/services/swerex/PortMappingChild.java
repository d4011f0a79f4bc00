package dev.berth.services.swerex;

import dev.berth.apptainer.ApptainerConfig;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.URI;
import java.util.Collections;
import java.util.List;

/** A program in a network namespace of its own that deploys with {@code --net}, and tells. */
final class PortMappingChild {
  private PortMappingChild() {}

  /** Argument: the image. */
  public static void main(String[] words) throws Exception {
    ApptainerDeploymentConfig config =
        ApptainerDeploymentConfig.of(words[0]).withApptainerArgs("--contain", "--net");
    try (ApptainerDeployment deployment =
        new ApptainerDeployment(config, ApptainerConfig.defaults())) {
      deployment.addHook(step -> System.out.println("step " + step));
      deployment.start();
      int port = deployment.mappedPort().orElseThrow();
      System.out.println("endpoint " + alive(deployment.service().endpoint().url(), deployment));
      System.out.println("loopback " + alive(URI.create("http://127.0.0.1:" + port), deployment));
      for (NetworkInterface each : Collections.list(NetworkInterface.getNetworkInterfaces())) {
        for (InetAddress address : Collections.list(each.getInetAddresses())) {
          if (!address.isLoopbackAddress() && address.getAddress().length == 4) {
            URI url = URI.create("http://" + address.getHostAddress() + ":" + port);
            System.out.println("outside " + alive(url, deployment));
          }
        }
      }
      String stranger =
          new RemoteRuntime(URI.create("http://127.0.0.1:" + port), "wrong").isAlive().message();
      System.out.println("stranger " + stranger);
      Execution inside =
          deployment
              .runtime()
              .execute(
                  ExecuteRequest.ofShell(
                      "grep -h ^CapEff /proc/self/status; ls /sys/class/net | tr '\\n' ' '"));
      System.out.println("inside " + inside.stdout().replace('\n', ' '));
      // The same port again: it is kept, also while nothing listens on it here.
      try (ApptainerDeployment second =
          new ApptainerDeployment(config.withPort(port), ApptainerConfig.defaults())) {
        second.start();
      } catch (dev.berth.RequestException e) {
        System.out.println("second " + e.getMessage());
      }
    }
    for (List<String> look :
        List.of(List.of("iptables", "-t", "nat", "-S"), List.of("ip", "-o", "link"))) {
      Process process = new ProcessBuilder(look).start();
      process
          .inputReader()
          .lines()
          .filter(line -> line.contains("--dport") || line.contains("veth"))
          .forEach(line -> System.out.println("left " + line));
      process.waitFor();
    }
    System.out.println("end");
  }

  private static boolean alive(URI url, ApptainerDeployment deployment)
      throws InterruptedException {
    return new RemoteRuntime(url, deployment.key()).isAlive().alive();
  }
}
