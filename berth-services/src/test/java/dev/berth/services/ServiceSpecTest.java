package dev.berth.services;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.Command;
import dev.berth.RequestException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ServiceSpecTest {
  private static final Address LOOPBACK = Address.of("localhost");

  @Test
  void placeholders() {
    ServiceSpec spec =
        ServiceSpec.command("server", "--at={host}:{port}", "{port}")
            .env("URL", "http://{host}:{port}/")
            .secretEnv("KEY", "{port}-key")
            .build();
    Command command = spec.command(LOOPBACK, 81);
    assertThat(command.arguments()).containsExactly("server", "--at=127.0.0.1:81", "81");
    assertThat(command.timeout()).isEqualTo(Command.FOREVER);
    assertThat(command.env()).isEmpty();
    assertThat(spec.variables(Map.of(), LOOPBACK, 81))
        .containsExactly(Map.entry("URL", "http://127.0.0.1:81/"), Map.entry("KEY", "{port}-key"));
  }

  @Test
  void aFunctionOfThePort() {
    ServiceSpec spec = ServiceSpec.command(port -> List.of("server", "" + (port + 1))).build();
    assertThat(spec.command(LOOPBACK, 80).arguments()).containsExactly("server", "81");
  }

  @Test
  void theImagesRunscript() {
    assertThat(ServiceSpec.runscript("{port}").build().command(LOOPBACK, 80).arguments())
        .containsExactly("/.singularity.d/runscript", "80");
  }

  @Test
  void forwardedVariablesThatAreSet() {
    ServiceSpec spec =
        ServiceSpec.command("server").forwardEnv("A", "B", "C").env("B", "own").build();
    assertThat(spec.variables(Map.of("A", "{port}", "B", "outside", "D", "no"), LOOPBACK, 80))
        .containsExactlyInAnyOrderEntriesOf(Map.of("A", "{port}", "B", "own"));
  }

  @Test
  void whatIsOutOfRange() {
    refused("ports are 1 to 65535", ServiceSpec.command("x").port(0));
    refused("ports are 1 to 65535", ServiceSpec.command("x").port(65_535).consecutivePorts(2));
    refused("1 to 16", ServiceSpec.command("x").consecutivePorts(0));
    refused("IP address", ServiceSpec.command("x").host("example.org"));
    refused("IP address", ServiceSpec.command("x").host("1.2.3.400"));
    refused("above zero", ServiceSpec.command("x").startTimeout(Duration.ZERO));
    refused("0 or more", ServiceSpec.command("x").maxRestarts(-1));
    refused("1 KiB to 64 MiB", ServiceSpec.command("x").logLimit(10));
    refused("'1A'", ServiceSpec.command("x").env("1A", ""));
    refused("'A B'", ServiceSpec.command("x").secretEnv("A B", "s"));
    refused("NUL", ServiceSpec.command("x").env("A", "\0"));
    refused("'A='", ServiceSpec.command("x").forwardEnv("A="));
    refused("absolute", ServiceSpec.command("x").directory("here"));
    refused("NUL", ServiceSpec.command("x").user("a\0"));
    refused("one hour", ServiceSpec.command("x").stopGrace(Duration.ofSeconds(-1)));
    refused("one hour", ServiceSpec.command("x").stopGrace(Duration.ofDays(1)));
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> HealthCheck.http("health"))
        .withMessageContaining("/health");
  }

  private static void refused(String why, ServiceSpec.Builder spec) {
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(spec::build)
        .withMessageContaining(why);
  }

  @Test
  void portsThatCannotBeHadAreSaidBeforeAnythingStarts() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      assertThatExceptionOfType(RequestException.class)
          .isThrownBy(() -> ServiceSpec.command("x").port(port).build().requirePorts())
          .withMessageContaining("Port " + port + " is not available");
    }
    // An address that is set aside for examples, and so nobody's.
    assertThatExceptionOfType(RequestException.class)
        .isThrownBy(() -> ServiceSpec.command("x").host("192.0.2.1").build().requirePorts())
        .withMessageContaining("192.0.2.1");
    ServiceSpec.command("x").consecutivePorts(3).build().requirePorts();
  }

  @Test
  void addresses() {
    assertThat(Address.of("0.0.0.0").reached()).isEqualTo("127.0.0.1");
    assertThat(Address.of("::").reached()).isEqualTo("[::1]");
    assertThat(Address.of("::1").reached()).isEqualTo("[::1]");
    assertThat(Address.of("10.1.2.3").reached()).isEqualTo("10.1.2.3");
  }

  @Test
  void nothingSecretInTexts() {
    HttpHealth health = HealthCheck.http("/").header("X-Key", "secret-key");
    ServiceSpec.Builder spec =
        ServiceSpec.command("server", "argument").secretEnv("KEY", "secret-key").health(health);
    assertThat(spec.build() + "" + health).doesNotContain("secret-key").doesNotContain("argument");
  }
}
