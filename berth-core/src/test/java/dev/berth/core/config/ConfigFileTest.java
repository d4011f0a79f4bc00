package dev.berth.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.Command;
import dev.berth.RequestException;
import dev.berth.spi.ConfigSection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigFileTest {
  private static final Set<String> PROVIDERS = Set.of("apptainer", "local");

  @TempDir Path folder;

  @Test
  void aGymFileIsReadAsItIs() {
    ConfigFile file =
        parse(
            """
            sandbox:
              default_metadata: {sandbox-api: apptainer-cli}
              apptainer:
                bin_path: /opt/apptainer/bin
                exec:   {fakeroot_for_root: true, default_binds: ["/tmp"], extra_exec_args: ["--writable-tmpfs"], default_timeout_s: 180, concurrency: 32}
                create: {mount_point: /sandbox, start_timeout_s: 600, extra_start_args: [], apply_resource_limits: true}
                probe:  {command: printf apptainer-sandbox-ready, expected_stdout: apptainer-sandbox-ready, timeout_s: 30, deadline_s: null}
            """);
    ConfigFile.Block block = file.block(null);

    assertThat(block.name()).isEqualTo("sandbox");
    assertThat(block.provider()).isEqualTo("apptainer");
    assertThat(block.defaultMetadata()).isEqualTo(Map.of("sandbox-api", "apptainer-cli"));
    ConfigSection config = block.config();
    assertThat(config.text("bin_path")).isEqualTo("/opt/apptainer/bin");
    ConfigSection exec = config.section("exec");
    assertThat(exec.flag("fakeroot_for_root", false)).isTrue();
    assertThat(exec.texts("default_binds")).containsExactly("/tmp");
    assertThat(exec.texts("extra_exec_args")).containsExactly("--writable-tmpfs");
    assertThat(exec.seconds("default_timeout_s", Duration.ZERO)).hasSeconds(180);
    assertThat(exec.integer("concurrency", 1, 1, 100)).isEqualTo(32);
    ConfigSection create = config.section("create");
    assertThat(create.keys())
        .containsExactly(
            "mount_point", "start_timeout_s", "extra_start_args", "apply_resource_limits");
    create.text("mount_point");
    assertThat(create.texts("extra_start_args")).isEmpty();
    create.seconds("start_timeout_s", Duration.ZERO);
    create.flag("apply_resource_limits", false);
    ConfigSection probe = config.section("probe");
    assertThat(probe.seconds("deadline_s", Duration.ZERO)).isEqualTo(Command.FOREVER);
    probe.text("command");
    probe.text("expected_stdout");
    probe.seconds("timeout_s", Duration.ZERO);
    config.finish();
  }

  @Test
  void whatElseIsInTheFileDoesNotMatter() {
    ConfigFile file =
        parse(
            """
            defaults: &d [a, b]
            agent:
              simple: {sandbox_provider: sandbox, list: *d, url: "${oc.env:URL}"}
              local: a key like a provider's
            policy_model_name: x
            nothing:
            sandbox:
              local:
            """);

    assertThat(file.blocks()).containsExactly("sandbox");
    assertThat(file.block(null).config().keys()).isEmpty();
    assertThatThrownBy(() -> file.block("agent"))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("test.yaml (block on line 2): agent")
        .hasMessageContaining("simple, local")
        .hasMessageContaining("exactly one of apptainer, local");
  }

  @Test
  void oneOfManyIsChosenByName() {
    ConfigFile file = parse("a: {local: {}}\nb: {apptainer: {bin_path: /x}}\n");

    assertThat(file.block("b").config().text("bin_path")).isEqualTo("/x");
    assertThatThrownBy(() -> file.block(null))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("more than one")
        .hasMessageContaining("name one of: a, b");
    assertThatThrownBy(() -> file.block("c"))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("'c'")
        .hasMessageContaining("a, b");
  }

  @Test
  void aBlockIsOneProviders() {
    for (String block :
        new String[] {
          "{local: {}, apptainer: {}}",
          "{local: {}, default_metdata: {}}",
          "{apptaner: {}}",
          "{default_metadata: {}}",
          "text",
          "[]"
        }) {
      assertThatThrownBy(() -> parse("s: " + block).block("s"))
          .as(block)
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("test.yaml (block on line 1): s");
    }
    assertThatThrownBy(() -> parse("s: {local: {}, default_metdata: {}}").block(null))
        .hasMessageContaining("default_metdata");
    assertThatThrownBy(() -> parse("a: 1\n").block(null))
        .hasMessageContaining("none")
        .hasMessageContaining("apptainer, local");
    assertThatThrownBy(() -> parse("").block(null)).isInstanceOf(RequestException.class);
  }

  @Test
  void aWrongValueIsNamedWithItsFileAndPath() {
    ConfigSection config = parse("# about\n\ns:\n  local: {n: {x: [1]}}\n").block("s").config();

    assertThatThrownBy(() -> config.section("n").text("x"))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("test.yaml (block on line 3): s.local.n.x")
        .hasMessageContaining("[1]");
  }

  @Test
  void filesThatCannotBeReadAreErrors() throws Exception {
    Path missing = folder.resolve("missing.yaml");
    assertThatThrownBy(() -> ConfigFile.read(missing, PROVIDERS))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("missing.yaml");
    Path large = Files.writeString(folder.resolve("large"), "#".repeat((1 << 20) + 1));
    assertThatThrownBy(() -> ConfigFile.read(large, PROVIDERS))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("1 MiB");
    Path binary = Files.write(folder.resolve("binary"), new byte[] {(byte) 0xff, 0});
    assertThatThrownBy(() -> ConfigFile.read(binary, PROVIDERS))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("UTF-8");
    Path good = Files.writeString(folder.resolve("good"), "s: {local: {}}");
    assertThat(ConfigFile.read(good, PROVIDERS).block(null).provider()).isEqualTo("local");
  }

  private static ConfigFile parse(String text) {
    return ConfigFile.parse("test.yaml", text, PROVIDERS);
  }
}
