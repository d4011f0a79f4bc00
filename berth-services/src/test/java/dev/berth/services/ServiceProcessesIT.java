package dev.berth.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.berth.testkit.HostProcesses;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Services of several JVMs at once, and of one that is killed. */
class ServiceProcessesIT {
  private static final int JVMS = 4;
  private static final int EACH = 50;

  @Test
  void twoHundredStartsAtOnceNeverShareAPort() throws Exception {
    String mark = "crowd-" + UUID.randomUUID();
    List<ServiceChild> children = new ArrayList<>();
    try {
      for (int i = 0; i < JVMS; i++) {
        children.add(ServiceChild.start(EACH, mark));
      }
      Set<Integer> ports = new HashSet<>();
      for (ServiceChild child : children) {
        for (int port : child.ports(EACH)) {
          assertThat(ports.add(port)).as("port " + port + " is one service's alone").isTrue();
          new Socket("127.0.0.1", port).close();
        }
      }
      assertThat(ports).hasSize(JVMS * EACH);
      assertThat(HostProcesses.naming(mark)).hasSize(JVMS * EACH);
      for (ServiceChild child : children) {
        assertThat(child.end()).isZero();
      }
      assertThat(HostProcesses.naming(mark)).isEmpty();
    } finally {
      children.forEach(ServiceChild::close);
    }
  }

  @Test
  void aKilledHostLeavesNoServer() throws Exception {
    String mark = "orphan-" + UUID.randomUUID();
    try (ServiceChild child = ServiceChild.start(3, mark)) {
      int port = child.ports(3).get(0);
      assertThat(HostProcesses.naming(mark)).hasSize(3);
      child.kill();
      await().atMost(Duration.ofSeconds(30)).until(() -> HostProcesses.naming(mark).isEmpty());
      // The port is free again with it.
      Reservation.of(Address.of("127.0.0.1"), port, 1).close();
    }
  }
}
