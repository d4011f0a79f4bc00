package dev.berth.services.openhands;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import dev.berth.apptainer.ApptainerConfig;
import dev.berth.core.config.YamlFile;
import dev.berth.core.process.GuestBinary;
import dev.berth.spi.ConfigSection;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WorkspaceSpecTest {
  private static final String OWN =
      GuestBinary.architecture().equals("aarch64") ? "linux/arm64" : "linux/amd64";

  private static WorkspaceSpec.Builder some() {
    return WorkspaceSpec.builder().serverImage("agent-server:1");
  }

  @Test
  void theDefaultsAreThoseOfThePythonClientButForTheAddress() {
    WorkspaceSpec spec = some().build(Map.of());
    assertThat(spec.host).isEqualTo("127.0.0.1");
    assertThat(spec.hostPort).isNull();
    assertThat(spec.useFakeroot).isTrue();
    assertThat(spec.enableDockerCompat).isTrue();
    assertThat(spec.enableGpu).isFalse();
    assertThat(spec.extraPorts).isFalse();
    assertThat(spec.detachLogs).isTrue();
    assertThat(spec.forwardEnv)
        .containsExactly("DEBUG", "SESSION_API_KEY", "OH_SESSION_API_KEYS_0");
    assertThat(spec.disableMountLocations).containsExactly("hostfs", "bind-paths");
    assertThat(spec.healthCheckTimeout).isEqualTo(Duration.ofSeconds(120));
    assertThat(spec.workingDir).isEqualTo("/workspace");
    assertThat(spec.binds).isEmpty();
  }

  @Test
  void exactlyOneImageIsNamed(@TempDir Path folder) {
    refused(WorkspaceSpec.builder(), "0 images", "exactly one");
    refused(some().baseImage("debian:13"), "2 images", "exactly one");
    refused(some().baseImage("debian:13").sifFile(folder), "3 images");
    refused(WorkspaceSpec.builder().sifFile(folder.resolve("none.sif")), "no such file");
  }

  @Test
  void valuesOutOfRangeAreRefused(@TempDir Path folder) {
    refused(some().hostPort(0), "host_port 0");
    refused(some().hostPort(65_534).extraPorts(true), "65533");
    refused(some().workingDir("work"), "absolute");
    refused(some().forwardEnv(List.of("DEBUG", "A=B")), "'A=B'");
    refused(some().healthCheckTimeout(Duration.ZERO), "above zero");
    refused(some().mountDir(folder.resolve("none")), "no such folder");
    refused(
        some().disableMountLocations(List.of("hostfs", "everything")),
        "'everything'",
        "bind-paths");
  }

  @Test
  void aPlatformIsTheHostsOwnOrFails() {
    assertThat(some().platform(OWN).build(Map.of())).isNotNull();
    refused(some().platform("windows/amd64"), "linux/amd64, linux/arm64");
    String other = OWN.equals("linux/amd64") ? "linux/arm64" : "linux/amd64";
    assertThatThrownBy(() -> some().platform(other).build(Map.of()))
        .isInstanceOf(UnsupportedRequestException.class)
        .hasMessageContaining(other)
        .hasMessageContaining(OWN);
  }

  @Test
  void bindsComeFromTheEnvironmentToo() {
    WorkspaceSpec spec =
        some()
            .extraBindMounts(List.of("/etc:/b"))
            .build(Map.of("OPENHANDS_APPTAINER_EXTRA_BINDS", " /usr:/d:ro , ,/opt "));
    assertThat(spec.binds).containsExactly("/etc:/b", "/usr:/d:ro", "/opt");
    assertThatThrownBy(
            () -> some().build(Map.of("OPENHANDS_APPTAINER_EXTRA_BINDS", "/etc:/b:no-such")))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("no-such");
  }

  /** Every option that a block of a file has, and what it must not be. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "server_image: '' | server_image",
        "server_image: [a] | server_image",
        "server_image: /no/such/image | server_image",
        "server_image: ./no-such.sif | server_image",
        "base_image: ' ' | image",
        "base_image: /no/such/image | base_image",
        "sif_file: /no/such.sif | no such file",
        "{server_image: a, base_image: b} | 2 images",
        "{server_image: a, sif_file: /etc/passwd} | 2 images",
        "host: example.org | IP address",
        "host: 1.2.3.400 | IP address",
        "host: '' | host",
        "host_port: 0 | host_port",
        "host_port: 65536 | host_port",
        "host_port: some | host_port",
        "{host_port: 65534, extra_ports: true} | 65533",
        "mount_dir: /no/such/folder | no such folder",
        "mount_dir: /etc/passwd | no such folder",
        "extra_bind_mounts: ['etc:/b'] | absolute",
        "extra_bind_mounts: ['/etc:b'] | absolute",
        "extra_bind_mounts: ['/etc:'] | absolute",
        "extra_bind_mounts: [''] | absolute",
        "extra_bind_mounts: ['/etc:/b:ro:more'] | three parts",
        "extra_bind_mounts: ['/etc:/b:exec'] | 'exec'",
        "extra_bind_mounts: ['/etc:/b,/usr:/c'] | comma",
        "extra_bind_mounts: ['/no/such:/b'] | /no/such",
        "extra_bind_mounts: {a: b} | extra_bind_mounts",
        "forward_env: ['A=B'] | 'A=B'",
        "forward_env: [''] | forward",
        "detach_logs: maybe | detach_logs",
        "platform: amd64 | linux/amd64",
        "platform: windows/amd64 | linux/amd64",
        "extra_ports: maybe | extra_ports",
        "use_fakeroot: maybe | use_fakeroot",
        "enable_docker_compat: maybe | enable_docker_compat",
        "enable_gpu: maybe | enable_gpu",
        "disable_mount_locations: [everything] | 'everything'",
        "health_check_timeout: 0 | health_check_timeout",
        "health_check_timeout: -1 | health_check_timeout",
        "health_check_timeout: long | health_check_timeout",
        "working_dir: work | absolute",
        "cache_dir: [a] | cache_dir",
        "hostport: 1 | host_port"
      })
  void whatIsWrongIsRefusedBeforeAnythingStarts(String yaml, String part, @TempDir Path folder)
      throws IOException {
    boolean named = yaml.contains("_image:") || yaml.contains("sif_file:");
    String block = yaml.startsWith("{") ? yaml.substring(1, yaml.length() - 1) : yaml;
    Path file =
        Files.writeString(
            folder.resolve("w.yaml"), "{" + (named ? "" : "server_image: a, ") + block + "}");
    Object top = YamlFile.read(file);
    assertThatThrownBy(() -> WorkspaceSpec.read(ConfigSection.of("openhands", (Map<?, ?>) top)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(part);
  }

  /** What only a look at this host tells; neither a sandbox nor an image is needed for that. */
  @Test
  void whatThisHostHasNotIsSaidBeforeAnImageIsFetched() throws Exception {
    WorkspaceSpec.Builder nowhere =
        WorkspaceSpec.builder().serverImage("registry.invalid/no/such:image");
    List<String> progress = new ArrayList<>();
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      assertThatThrownBy(() ->
              ApptainerWorkspace.start(
                  nowhere.hostPort(port).build(), ApptainerConfig.defaults(), progress::add))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("Port " + port + " is not available");
    }
    assertThatThrownBy(() ->
            ApptainerWorkspace.start(
                WorkspaceSpec.builder()
                    .serverImage("registry.invalid/no/such:image")
                    .host("192.0.2.1")
                    .build(),
                ApptainerConfig.defaults(),
                progress::add))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("192.0.2.1");
    assertThat(progress).isEmpty();
  }

  @Test
  void aBlockOfAFileIsRead(@TempDir Path folder) {
    WorkspaceSpec spec =
        WorkspaceSpec.read(
            ConfigSection.of(
                "openhands",
                Map.of(
                    "base_image",
                    "python:3.12",
                    "host_port",
                    8010,
                    "cache_dir",
                    folder.toString(),
                    "forward_env",
                    List.of(),
                    "use_fakeroot",
                    false,
                    "extra_ports",
                    true,
                    "disable_mount_locations",
                    List.of(),
                    "health_check_timeout",
                    1.5,
                    "platform",
                    OWN)));
    assertThat(spec.baseImage).isEqualTo("python:3.12");
    assertThat(spec.hostPort).isEqualTo(8010);
    assertThat(spec.cacheDir).isEqualTo(folder);
    assertThat(spec.forwardEnv).isEmpty();
    assertThat(spec.useFakeroot).isFalse();
    assertThat(spec.extraPorts).isTrue();
    assertThat(spec.disableMountLocations).isEmpty();
    assertThat(spec.healthCheckTimeout).isEqualTo(Duration.ofMillis(1500));
    assertThatThrownBy(() ->
            WorkspaceSpec.read(
                ConfigSection.of("openhands", Map.of("server_image", "x", "hostport", 1))))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("openhands.hostport")
        .hasMessageContaining("host_port");
  }

  @Test
  void settingsComeFromTheEnvironmentAndHideTheirKey() {
    Settings settings =
        Settings.of(Map.of("LLM_API_KEY", "sk-x", "LLM_BASE_URL", "http://here/v1"));
    assertThat(settings).isEqualTo(new Settings(Settings.DEFAULT_MODEL, "sk-x", "http://here/v1"));
    assertThat(Settings.of(Map.of("LLM_API_KEY", "sk-x", "LLM_MODEL", "openai/gpt-4o")))
        .isEqualTo(new Settings("openai/gpt-4o", "sk-x", null));
    assertThat(
            ConversationSpec.of(Agent.of(settings)).withSecrets(Map.of("A", "b-secret")).toString())
        .doesNotContain("sk-x")
        .doesNotContain("b-secret");
    assertThatThrownBy(() -> Settings.of(Map.of("LLM_API_KEY", " ")))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("LLM_API_KEY");
  }

  private static void refused(WorkspaceSpec.Builder spec, String... parts) {
    assertThatThrownBy(() -> spec.build(Map.of()))
        .isInstanceOf(RequestException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(parts));
  }
}
