package dev.berth.apptainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.core.config.ConfigFile;
import dev.berth.core.image.PullPolicy;
import dev.berth.spi.ConfigSection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApptainerConfigTest {
  @Test
  void anEmptyBlockIsAllDefaults() {
    assertThat(ApptainerConfig.read(ConfigSection.empty("sandbox.apptainer")))
        .isEqualTo(ApptainerConfig.defaults());
    ApptainerConfig defaults = ApptainerConfig.defaults();
    assertThat(defaults.create().mountPoint()).isEqualTo("/sandbox");
    assertThat(defaults.create().startTimeout()).isEqualTo(Duration.ofSeconds(600));
    assertThat(defaults.exec().defaultTimeout()).isEqualTo(Duration.ofSeconds(180));
    assertThat(defaults.exec().concurrency()).isEqualTo(32);
    assertThat(defaults.probe().timeout()).isEqualTo(Duration.ofSeconds(30));
    assertThat(defaults.probe().deadline()).isNull();
  }

  @Test
  void readsANemoGymFileAsItIs(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("sandbox.yaml");
    Files.writeString(
        file,
        """
        agent:
          responses_api_agents: {entrypoint: app.py}
        sandbox:
          default_metadata: {sandbox-api: apptainer-cli}
          apptainer:
            bin_path: /opt/apptainer/bin
            exec:   {fakeroot_for_root: true, default_binds: ["/tmp"], extra_exec_args: ["--writable-tmpfs"], default_timeout_s: 180, concurrency: 32}
            create: {mount_point: /sandbox, start_timeout_s: 600, extra_start_args: [], apply_resource_limits: true}
            probe:  {command: printf apptainer-sandbox-ready, expected_stdout: apptainer-sandbox-ready, timeout_s: 30, deadline_s: 120}
        """);

    ApptainerConfig config =
        ApptainerConfig.read(ConfigFile.read(file, Set.of("apptainer")).block(null).config());

    assertThat(config.binPath()).isEqualTo(Path.of("/opt/apptainer/bin"));
    assertThat(config.exec().defaultBinds()).containsExactly("/tmp");
    assertThat(config.exec().extraExecArgs()).containsExactly("--writable-tmpfs");
    assertThat(config.probe().command()).isEqualTo("printf apptainer-sandbox-ready");
    assertThat(config.probe().deadline()).isEqualTo(Duration.ofSeconds(120));
    assertThat(config.probe().shellOptional()).isFalse();
  }

  @Test
  void readsWhatBerthAdds() {
    ApptainerConfig config =
        ApptainerConfig.read(
            section(
                Map.of(
                    "create",
                        Map.of(
                            "mode", "direct", "fakeroot", true, "contain", false, "lease_s", 2.5),
                    "images",
                        Map.of(
                            "pull",
                            "never",
                            "format",
                            "sif",
                            "rewrites",
                            Map.of("docker://", "docker://mirror/"),
                            "insecure",
                            true))));
    assertThat(config.create().mode()).isEqualTo(ApptainerConfig.Mode.DIRECT);
    assertThat(config.create().fakeroot()).isTrue();
    assertThat(config.create().contain()).isFalse();
    assertThat(config.create().lease()).isEqualTo(Duration.ofMillis(2500));
    assertThat(config.images().pull()).isEqualTo(PullPolicy.NEVER);
    assertThat(config.images().format()).isEqualTo(ApptainerConfig.Format.SIF);
    assertThat(config.images().rewrites()).containsEntry("docker://", "docker://mirror/");
  }

  @Test
  void nullMeansNoLimitWhereTheSpecSaysSo() {
    Map<String, Object> nothing = new java.util.HashMap<>();
    nothing.put("default_timeout_s", null);
    Map<String, Object> start = new java.util.HashMap<>();
    start.put("start_timeout_s", null);
    ApptainerConfig config =
        ApptainerConfig.read(section(Map.of("exec", nothing, "create", start)));
    assertThat(config.exec().defaultTimeout()).isEqualTo(Command.FOREVER);
    assertThat(config.create().startTimeout()).isEqualTo(Command.FOREVER);
  }

  @Test
  void refusesWhatIsWrongAndSaysWhatIsAllowed() {
    refused(Map.of("create", Map.of("mount_point", "sandbox")), "absolute");
    refused(Map.of("create", Map.of("start_timeout_s", 0)), "above 0");
    refused(Map.of("create", Map.of("mode", "daemon")), "instance, direct");
    refused(Map.of("exec", Map.of("concurrency", 0)), "from 1");
    refused(Map.of("exec", Map.of("default_timeout", 3)), "default_timeout_s");
    refused(Map.of("probe", Map.of("stable_count", 0)), "from 1");
    refused(Map.of("images", Map.of("pull", "often")), "never, missing, always");
    refused(Map.of("exec", List.of()), "a block of keys");
  }

  private static void refused(Map<String, Object> block, String allowed) {
    assertThatThrownBy(() -> ApptainerConfig.read(section(block)))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(allowed);
  }

  private static ConfigSection section(Map<String, Object> block) {
    return ConfigSection.of("sandbox.apptainer", block);
  }
}
