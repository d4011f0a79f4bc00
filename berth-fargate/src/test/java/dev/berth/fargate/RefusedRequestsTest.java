package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.berth.RequestException;
import dev.berth.SandboxResources;
import dev.berth.SandboxSpec;
import dev.berth.UnsupportedRequestException;
import dev.berth.Volume;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What cannot be is refused before AWS is asked anything: whoever asks, asks this test. */
class RefusedRequestsTest {
  private static final List<String> CLIENT =
      List.of("aws.endpointUrl", "aws.accessKeyId", "aws.secretAccessKey", "aws.region");

  private final AtomicInteger calls = new AtomicInteger();
  private HttpServer aws;

  @BeforeEach
  void listen() throws Exception {
    aws = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    aws.createContext(
        "/",
        exchange -> {
          calls.incrementAndGet();
          exchange.sendResponseHeaders(400, -1);
          exchange.close();
        });
    aws.start();
    List<String> values =
        List.of("http://127.0.0.1:" + aws.getAddress().getPort(), "key", "secret", "nowhere-1");
    for (int i = 0; i < CLIENT.size(); i++) {
      System.setProperty(CLIENT.get(i), values.get(i));
    }
  }

  @AfterEach
  void stop() {
    aws.stop(0);
    CLIENT.forEach(System::clearProperty);
  }

  private static FargateConfig.Builder place() {
    return FargateConfig.builder()
        .region("nowhere-1")
        .cluster("c")
        .subnets(List.of("subnet-1"))
        .securityGroups(List.of("sg-1"))
        .sshSidecar(
            SshSidecarConfig.DEFAULT
                .withImage("ssh:1")
                .withSecrets("arn:pub", "arn:priv")
                .withExecServerPort(19542));
  }

  private static FargateConfig agent() {
    SshSidecarConfig sidecar =
        SshSidecarConfig.DEFAULT.withImage("ssh:1").withSecrets("arn:pub", "arn:priv");
    return place().sshSidecar(sidecar).containerPort(8000).build();
  }

  private static SandboxSpec.Builder spec() {
    return SandboxSpec.builder().image("x");
  }

  private void refused(FargateConfig config, SandboxSpec spec, String... why) {
    try (FargateProvider provider = new FargateProvider(config)) {
      assertThatThrownBy(() -> provider.create(spec))
          .isInstanceOf(RequestException.class)
          .hasMessageContainingAll(why);
    }
    assertThat(calls).as("calls to AWS").hasValue(0);
  }

  private static SandboxSpec with(Double cpu, Long memory, Long disk, Integer gpu, String gpuType) {
    return spec().resources(new SandboxResources(cpu, memory, disk, gpu, gpuType)).build();
  }

  @Test
  void sizesThatFargateHasNot() {
    FargateConfig config = place().build();
    refused(config, with(0.25, 4096L, null, null, null), "512, 1024 or 2048");
    refused(config, with(16.0, 16384L, null, null, null), "32768 to 122880 in steps of 8192");
    refused(config, with(3.0, 8192L, null, null, null), "2048 (memory 4096 to 16384");
    refused(config, with(0.3, null, null, null, null), "256 (memory");
    refused(config, with(null, null, 201L, null, null), "21 to 200");
    refused(config, with(null, null, null, 1, null), "1 GPUs", "Fargate has none");
    refused(config, with(null, null, null, null, "a100"), "a100", "Fargate has none");
  }

  @Test
  void agentServerModeTakesOneEndpoint() {
    refused(agent(), spec().build(), "0 outside endpoints", "exactly one");
    refused(
        agent(),
        spec()
            .outsideEndpoint("http://localhost:1", "A")
            .outsideEndpoint("http://localhost:2", "B")
            .build(),
        "2 outside endpoints",
        "exactly one");
    assertThatThrownBy(() -> agent().toBuilder().containerPort(null).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("container_port");
  }

  @Test
  void placesThatAreNone() {
    refused(FargateConfig.builder().build(), spec().build(), "names no place");
    assertThatThrownBy(() -> place().securityGroups(List.of()).build())
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("security_groups");
  }

  @Test
  void imagesAndVolumesOfThisHost() {
    refused(place().build(), SandboxSpec.of("/a/folder"), "/a/folder", "registry");
    refused(
        place().build(),
        spec().volume(Volume.ofHost("/home", "/data", true)).build(),
        "/home",
        "EFS");
    refused(place().imageTemplate("r:{task_id}").build(), SandboxSpec.builder().build(), "task_id");
  }

  @Test
  void anotherNetworkThanTheVpcs() {
    try (FargateProvider provider = new FargateProvider(agent())) {
      assertThatThrownBy(() -> provider.create(spec().network(dev.berth.Network.NONE).build()))
          .isInstanceOf(UnsupportedRequestException.class)
          .hasMessageContaining("security groups");
    }
    assertThat(calls).hasValue(0);
  }
}
