package dev.berth.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.Sandbox;
import dev.berth.SandboxProcess;
import dev.berth.SandboxSpec;
import dev.berth.ServiceException;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.apptainer.ApptainerProvider;
import dev.berth.local.LocalProvider;
import dev.berth.spi.SandboxProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Ports of the host's network, which strangers may take. */
class ServicePortsIT {
  private static final Duration LONG = Duration.ofSeconds(30);

  /** Listens, and lets nobody share. */
  private static final String EXCLUSIVE =
      """
      import socket, sys
      s = socket.socket()
      s.bind((sys.argv[1], int(sys.argv[2])))
      s.listen()
      while True: s.accept()[0].close()
      """;

  /** Its listener is a grandchild in a session of its own; it cleared its environment. */
  private static final String FORKING =
      """
      import os, socket, sys, time
      if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
          os.execve(sys.executable, [sys.executable, '-c', '''
      import socket, sys
      s = socket.socket()
      s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      s.bind((sys.argv[1], int(sys.argv[2])))
      s.listen()
      while True: s.accept()[0].close()
      '''] + sys.argv[1:], {})
        os._exit(0)
      while True: time.sleep(60)
      """;

  @Nested
  class Local extends Tests {
    @Override
    SandboxProvider provider() {
      return new LocalProvider();
    }

    @Override
    SandboxSpec spec() {
      return SandboxSpec.builder().build();
    }
  }

  @Nested
  class Apptainer extends Tests {
    @Override
    SandboxProvider provider() {
      return new ApptainerProvider(ApptainerConfig.defaults());
    }

    @Override
    SandboxSpec spec() {
      return SandboxSpec.of(TestImage.folder().toString());
    }
  }

  /** With ids of its own: its other users' processes are other users' on the host, too. */
  @Nested
  class ApptainerFakeroot extends Tests {
    @Override
    SandboxProvider provider() {
      ApptainerConfig defaults = ApptainerConfig.defaults();
      return new ApptainerProvider(defaults.with(defaults.create().withFakeroot(true)));
    }

    @Override
    SandboxSpec spec() {
      return SandboxSpec.of(TestImage.folder().toString());
    }

    @Test
    void anotherUsersServerIsNoStranger() throws Exception {
      try (Service service = Service.start(sandbox, server().user("1:1").build())) {
        assertThat(Kin.owner(Address.of("127.0.0.1").value(), service.port()))
            .isEqualTo(Kin.Listener.UNKNOWN);
      }
    }
  }

  @TestInstance(TestInstance.Lifecycle.PER_CLASS)
  abstract static class Tests {
    private SandboxProvider provider;
    Sandbox sandbox;

    abstract SandboxProvider provider();

    abstract SandboxSpec spec();

    @BeforeAll
    void create() throws InterruptedException {
      provider = provider();
      sandbox = provider.create(spec());
    }

    @AfterAll
    void stop() {
      provider.close();
    }

    @Test
    void aPortThatIsAskedFor() throws Exception {
      int port;
      try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        port = taken.getLocalPort();
        assertThatExceptionOfType(RequestException.class)
            .isThrownBy(() -> Service.start(sandbox, server().port(port).build()))
            .withMessageContaining("Port " + port + " is not available");
      }
      try (Service service = Service.start(sandbox, server().port(port).build())) {
        assertThat(service.port()).isEqualTo(port);
        assertThatExceptionOfType(RequestException.class)
            .isThrownBy(() -> Service.start(sandbox, server().port(port).build()))
            .withMessageContaining("Port " + port + " is not available");
      }
      Service.start(sandbox, server().port(port).build()).close();
    }

    @Test
    void aServerThatDoesNotShareItsPort() throws Exception {
      assertThatExceptionOfType(ServiceException.class)
          .isThrownBy(() -> Service.start(sandbox, python(EXCLUSIVE).build()))
          .withMessageContaining("Address already in use");
      try (Service service = Service.start(sandbox, python(EXCLUSIVE).exclusivePort().build())) {
        new Socket("127.0.0.1", service.port()).close();
      }
    }

    @Test
    void aPortThatSomebodyTakesInBetweenIsReplaced() throws Exception {
      List<ServerSocket> thieves = new ArrayList<>();
      IntFunction<List<String>> robbed =
          port -> {
            if (thieves.isEmpty()) {
              thieves.add(listen(port));
            }
            return List.of("python3", "-c", EXCLUSIVE, "{host}", "{port}");
          };
      ServiceSpec spec = ServiceSpec.command(robbed).exclusivePort().build();
      try (Service service = Service.start(sandbox, spec);
          ServerSocket thief = thieves.get(0)) {
        assertThat(service.port()).isNotEqualTo(thief.getLocalPort());
      }
    }

    @Test
    void nothingIsSentToAStranger() throws Exception {
      List<ServerSocket> thieves = new ArrayList<>();
      IntFunction<List<String>> robbed =
          port -> {
            thieves.add(listen(port));
            return List.of("sleep", "60");
          };
      ServiceSpec spec =
          ServiceSpec.command(robbed)
              .health(HealthCheck.http("/").header("X-Key", Service.newKey()))
              .build();
      assertThatExceptionOfType(ServiceException.class)
          .isThrownBy(() -> Service.start(sandbox, spec))
          .withMessageContaining("not the server's");
      try (ServerSocket thief = thieves.get(0)) {
        thief.setSoTimeout(1);
        int met = 0;
        for (Socket each = accept(thief); each != null; each = accept(thief)) {
          assertThat(each.getInputStream().read()).isEqualTo(-1);
          each.close();
          met++;
        }
        assertThat(met).isPositive();
      }
    }

    @Test
    void aListenerFarBelowIsTheServersOwn() throws Exception {
      Service service = Service.start(sandbox, python(FORKING).build());
      int port = service.port();
      new Socket("127.0.0.1", port).close();
      service.close();
      listen(port).close();
    }

    @Test
    void rootsServerIsKnown() throws Exception {
      knows("root");
    }

    @Test
    void onAllAddressesIfAsked() throws Exception {
      try (Service service = Service.start(sandbox, server().host("0.0.0.0").build())) {
        assertThat(service.endpoint().url().getHost()).isEqualTo("127.0.0.1");
        new Socket("127.0.0.1", service.port()).close();
      }
      try (Service service = Service.start(sandbox, python(SIX).host("::1").build())) {
        assertThat(service.endpoint().url().getHost()).isEqualTo("[::1]");
        assertThat(service.trouble(LONG)).isEmpty();
      }
    }

    /** Whether a server of another user is told from a stranger. */
    void knows(String user) throws Exception {
      String mark = UUID.randomUUID().toString();
      try (Reservation reserved = Reservation.any(Address.of("127.0.0.1"), 1);
          SandboxProcess process =
              sandbox.start(
                  Command.of(
                          "python3",
                          "-m",
                          "http.server",
                          "--bind",
                          "127.0.0.1",
                          Integer.toString(reserved.port()))
                      .asUser(user)
                      .withEnv(Kin.MARK, mark))) {
        Kin kin =
            await().atMost(LONG).until(() -> Kin.find(mark), Optional::isPresent).orElseThrow();
        InetAddress loopback = Address.of("127.0.0.1").value();
        await()
            .atMost(LONG)
            .until(() -> kin.listener(loopback, reserved.port()), Kin.Listener.KIN::equals);
        process.kill();
        process.await();
      }
    }

    static ServiceSpec.Builder server() {
      return ServiceSpec.command("python3", "-m", "http.server", "--bind", "{host}", "{port}");
    }

    private static ServiceSpec.Builder python(String script) {
      return ServiceSpec.command("python3", "-c", script, "{host}", "{port}");
    }
  }

  private static final String SIX =
      """
      import socket, sys
      s = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6)
      held = []
      while True: held.append(s.accept())
      """;

  private static ServerSocket listen(int port) {
    try {
      ServerSocket server = new ServerSocket();
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return server;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static Socket accept(ServerSocket server) throws IOException {
    try {
      return server.accept();
    } catch (java.net.SocketTimeoutException e) {
      return null;
    }
  }
}
