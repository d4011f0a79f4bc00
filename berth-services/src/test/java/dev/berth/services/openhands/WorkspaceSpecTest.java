package dev.berth.services.openhands;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.RequestException;
import dev.berth.UnsupportedRequestException;
import dev.berth.core.process.GuestBinary;
import dev.berth.spi.ConfigSection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
            .extraBindMounts(List.of("/a:/b"))
            .build(Map.of("OPENHANDS_APPTAINER_EXTRA_BINDS", " /c:/d:ro , ,/e "));
    assertThat(spec.binds).containsExactly("/a:/b", "/c:/d:ro", "/e");
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
