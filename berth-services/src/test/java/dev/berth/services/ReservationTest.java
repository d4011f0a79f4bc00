package dev.berth.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.RequestException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class ReservationTest {
  private static final Address LOOPBACK = Address.of("127.0.0.1");

  @Test
  void aServerListensOnAReservedPortAndAgainAfterItsEnd() throws IOException {
    try (Reservation reserved = Reservation.any(LOOPBACK, 1)) {
      for (int i = 0; i < 2; i++) {
        try (ServerSocket server = listen(reserved.port(), true);
            Socket client = new Socket("127.0.0.1", reserved.port());
            Socket served = server.accept()) {
          served.getOutputStream().write(7);
          assertThat(client.getInputStream().read()).isEqualTo(7);
          assertThatExceptionOfType(BindException.class)
              .isThrownBy(() -> listen(reserved.port(), true).close());
        }
      }
    }
  }

  @Test
  void everybodysAddressToo() throws IOException {
    try (Reservation reserved = Reservation.any(Address.of("0.0.0.0"), 1);
        ServerSocket server = new ServerSocket()) {
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress("0.0.0.0", reserved.port()));
      new Socket("127.0.0.1", reserved.port()).close();
    }
  }

  @Test
  void aServerThatDoesNotShareListensOnceItIsOpened() throws IOException {
    try (Reservation reserved = Reservation.any(LOOPBACK, 1)) {
      assertThatExceptionOfType(BindException.class)
          .isThrownBy(() -> listen(reserved.port(), false).close());
      reserved.open();
      assertThat(reserved.isTaken()).isFalse();
      listen(reserved.port(), false).close();
      // Others who reserve keep off all the same.
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> Reservation.of(LOOPBACK, reserved.port(), 1));
      try (ServerSocket thief = listen(reserved.port(), true)) {
        assertThat(reserved.isTaken()).isTrue();
      }
    }
  }

  @Test
  void aTakenPortSaysSo() throws IOException {
    try (ServerSocket taken = listen(0, true)) {
      int port = taken.getLocalPort();
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> Reservation.of(LOOPBACK, port, 1))
          .withMessageContaining("Port " + port + " is not available");
      if (port > 1) {
        assertThatExceptionOfType(RequestException.class)
            .isThrownBy(() -> Reservation.of(LOOPBACK, port - 1, 2));
      }
    }
    try (Reservation reserved = Reservation.any(LOOPBACK, 1)) {
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> Reservation.of(LOOPBACK, reserved.port(), 1))
          .withMessageContaining("Port " + reserved.port() + " is not available");
    }
  }

  @Test
  void portsInARow() throws IOException {
    try (Reservation reserved = Reservation.any(LOOPBACK, 3)) {
      for (int i = 0; i < 3; i++) {
        listen(reserved.port() + i, true).close();
        int port = reserved.port() + i;
        assertThatExceptionOfType(RequestException.class)
            .isThrownBy(() -> Reservation.of(LOOPBACK, port, 1));
      }
    }
  }

  /** Thousands at once, and others who ask the kernel for any port meanwhile. */
  @Test
  void nobodySharesAPort() throws Exception {
    List<Future<Reservation>> reserved = new ArrayList<>();
    List<Future<ServerSocket>> others = new ArrayList<>();
    Set<Integer> ports = new HashSet<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 1000; i++) {
        boolean reuse = i % 2 == 0;
        reserved.add(threads.submit(() -> Reservation.any(LOOPBACK, 1)));
        others.add(threads.submit(() -> listen(0, reuse)));
      }
      for (Future<Reservation> each : reserved) {
        assertThat(ports.add(each.get().port())).isTrue();
      }
      for (Future<ServerSocket> each : others) {
        assertThat(ports.add(each.get().getLocalPort())).isTrue();
      }
      // Once more with the ports held, where those who reserve have their servers listen.
      for (Future<Reservation> each : reserved) {
        listen(each.get().port(), true).close();
      }
    } finally {
      for (Future<Reservation> each : reserved) {
        each.get().close();
      }
      for (Future<ServerSocket> each : others) {
        each.get().close();
      }
    }
  }

  private static ServerSocket listen(int port, boolean reuse) throws IOException {
    ServerSocket server = new ServerSocket();
    try {
      server.setReuseAddress(reuse);
      server.bind(new InetSocketAddress("127.0.0.1", port));
      return server;
    } catch (IOException e) {
      server.close();
      throw e;
    }
  }
}
